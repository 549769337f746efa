use super::{is_label, is_subdomain};

#[test]
fn names_are_as_kubernetes_has_them() {
    let long = "a".repeat(64);
    let cases: [(&str, bool, bool); 13] = [
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
        ("web\nerror", false, false),
        (&long, false, true),
    ];
    for (text, label, subdomain) in cases {
        assert_eq!(is_label(text), label, "{text:?} as a label");
        assert_eq!(is_subdomain(text), subdomain, "{text:?} as a subdomain");
    }
    assert!(!is_subdomain(&"a.".repeat(127)));
    assert!(!is_subdomain(&["a"; 128].join(".")));
}
