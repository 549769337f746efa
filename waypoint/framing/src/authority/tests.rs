use super::*;

#[test]
fn a_host_is_a_name_or_an_address() {
    for text in
        ["a", "a.b-c_d~e", "A.b.", "1.2.3.4", "[::1]", "[2001:db8::1]:8080", "a:0", "a:65535", "a:00080"]
    {
        assert!(Authority::parse(text.as_bytes()).is_some(), "{text}");
    }
    let invalid = [
        "", ":80", "a:", "a:b", "a:+1", "a:65536", "a b", "a,b", "a/b", "a@b", "a?b", "a%41", "::1", "[::1",
        "[a]", "[::1%1]", "[]", "a:1:2", "[::1]x", "ä",
    ];
    for text in invalid {
        assert_eq!(Authority::parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Authority::parse(b"\xff"), None);
}

#[test]
fn origins_are_compared_without_case_and_with_the_default_port() {
    let table = [
        ("a.b", "A.B", 80, true),
        ("a", "a:80", 80, true),
        ("a", "a:80", 443, false),
        ("a:81", "a:82", 80, false),
        ("a.", "a", 80, false),
        ("[::1]:80", "[::1]", 80, true),
    ];
    for (one, other, default_port, is_same) in table {
        let (one, other) = (Authority::parse(one.as_bytes()), Authority::parse(other.as_bytes()));
        assert_eq!(one.unwrap().is_same(&other.unwrap(), default_port), is_same, "{one:?} {other:?}");
    }
}
