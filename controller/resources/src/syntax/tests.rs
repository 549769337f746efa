use super::{label_key, label_value, port_name};

#[test]
fn port_names_have_a_letter() {
    for good in ["http", "h", "8080-tcp", "a1", "grpc-web"] {
        assert!(port_name(good).is_ok(), "{good:?}");
    }
    for bad in ["", "8080", "80-80", "-http", "http-", "grpc--web", "HTTP", "http_1", "sixteen-letters-"] {
        assert!(port_name(bad).is_err(), "{bad:?}");
    }
    assert!(port_name(&"a".repeat(15)).is_ok() && port_name(&"a".repeat(16)).is_err());
    assert!(port_name("8080").unwrap_err().contains("without quotes"));
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
