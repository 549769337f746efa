use super::*;

fn target(text: &str) -> Option<Target<'_>> {
    Target::parse(text.as_bytes(), b"GET")
}

fn authority(text: &str) -> Authority<'_> {
    Authority::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_target_has_one_of_three_forms() {
    let absolute = |host, default_port| Some(Target::Absolute { authority: authority(host), default_port });
    let table = [
        ("/", Some(Target::Origin)),
        ("//a", Some(Target::Origin)),
        ("/a?b?`", Some(Target::Origin)),
        ("http://a", absolute("a", 80)),
        ("hTTp://a:81/b", absolute("a:81", 80)),
        ("https://[::1]?b", absolute("[::1]", 443)),
        ("*", None),
        ("", None),
        ("?a", None),
        ("a", None),
        ("a:80", None),
        ("http:/a", None),
        ("http://", None),
        ("http://a#b", None),
        ("http://a/#b", None),
        ("http://a b/", None),
        ("/`", None),
        ("/\"", None),
        ("/<", None),
        ("/\u{7f}", None),
        ("/ä", None),
    ];
    for (text, expected) in table {
        assert_eq!(target(text), expected, "{text}");
    }
    assert_eq!(Target::parse(b"*", b"OPTIONS"), Some(Target::Asterisk));
}

#[test]
fn hyper_accepts_every_target_that_passes() {
    let forms =
        |byte| [format!("/a{byte}b"), format!("/a?b{byte}c"), format!("http://a{byte}/"), format!("{byte}")];
    for byte in (0..=0x7f).map(char::from) {
        for text in forms(byte).into_iter().filter(|text| target(text).is_some()) {
            let uri: http::Uri = text.parse().unwrap();
            let written = uri.to_string();
            // An empty path of an absolute target is `/` (RFC 9110 section 4.2.3).
            let with_path = text.replacen("http://a?", "http://a/?", 1);
            assert!(written == with_path || written == format!("{text}/"), "{text} is read as {written}");
        }
    }
}
