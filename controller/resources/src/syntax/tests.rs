use super::{label, label_key, label_value, subdomain};

#[test]
fn names_are_as_kubernetes_has_them() {
    let long = "a".repeat(64);
    let cases: [(&str, bool, bool); 12] = [
        // text, a label, a subdomain
        ("shop", true, true),
        ("a", true, true),
        ("web-1", true, true),
        ("1", true, true),
        ("web.shop", false, true),
        ("", false, false),
        ("Shop", false, false),
        ("-web", false, false),
        ("web-", false, false),
        ("web..shop", false, false),
        ("we_b", false, false),
        (&long, false, true),
    ];
    for (text, is_label, is_subdomain) in cases {
        assert_eq!(label(text).is_ok(), is_label, "{text:?} as a label");
        assert_eq!(subdomain(text).is_ok(), is_subdomain, "{text:?} as a subdomain");
    }
    assert!(subdomain(&"a.".repeat(127)).is_err());
    assert!(subdomain(&["a"; 128].join(".")).is_err());
}

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
