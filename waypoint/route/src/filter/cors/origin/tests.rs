use super::*;

#[test]
fn matches() {
    let table: [(&str, &[&str], &[&str]); 8] = [
        ("*", &["https://a.example", "http://b:8080", "null", "chrome-extension://x"], &[]),
        (
            "https://a.example",
            &["https://a.example", "https://A.Example", "https://a.example:443"],
            &[
                "http://a.example",
                "https://a.example:8443",
                "https://b.a.example",
                "https://a.example.org",
                "null",
                "",
            ],
        ),
        ("http://a.example:80", &["http://a.example"], &["https://a.example"]),
        ("https://a.example:8443", &["https://a.example:8443"], &["https://a.example"]),
        (
            "https://*.example.com",
            &["https://a.example.com", "https://b.a.example.com"],
            &[
                "https://example.com",
                "https://.example.com.evil",
                "https://evilexample.com",
                "http://a.example.com",
            ],
        ),
        ("https://*", &["https://a", "https://a.b.c"], &["http://a", "https://a:8443"]),
        ("http://*:8080", &["http://a:8080", "http://[::1]:8080"], &["http://a", "http://[::1]"]),
        (
            "https://Shop.Example",
            &["https://shop.example"],
            &["https://shop.example/", "https://u@shop.example"],
        ),
    ];
    for (pattern, matching, others) in table {
        let read: OriginPattern = pattern.parse().unwrap();
        for origin in matching {
            assert!(read.matches(origin), "{pattern} matches {origin}");
        }
        for origin in others {
            assert!(!read.matches(origin), "{pattern} does not match {origin}");
        }
    }
}

#[test]
fn malformed_patterns() {
    for text in [
        "",
        "null",
        "a.example",
        "ftp://a",
        "https://",
        "https://a:0",
        "https://a:70000",
        "https://a:+1",
        "https://a/",
        "https://*example.com",
        "https://a.*.com",
        "https://a..b",
        "https://*.",
        "**",
        "https://[::1]",
    ] {
        assert_eq!(text.parse::<OriginPattern>(), Err(InvalidOrigin(text.into())));
    }
}
