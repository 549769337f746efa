use super::{label_key, label_value};

#[test]
fn label_keys_may_have_a_prefix() {
    for good in ["app", "karez.dev/mesh", "a/B_c.d-e", "topology.kubernetes.io/zone"] {
        assert!(label_key(good).is_ok(), "{good:?}");
    }
    for bad in ["", "/app", "karez.dev/", "A.dev/mesh", "a/b/c", "-app", "app ", "ä"] {
        assert!(label_key(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn label_values_may_be_empty() {
    for good in ["", "enabled", "1.2_3-x", "A"] {
        assert!(label_value(good).is_ok(), "{good:?}");
    }
    for bad in ["-", "a b", "a/b", &"x".repeat(64)] {
        assert!(label_value(bad).is_err(), "{bad:?}");
    }
}
