use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(HeaderName, HeaderValue)> {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(lines) {
        headers.append(name, value);
    }
    headers
}

fn check(modifier: &HeaderModifier, before: &[(&str, &str)], after: &[(&str, &str)]) {
    let mut changed = headers(before);
    modifier.apply(&mut changed);
    assert_eq!(changed, headers(after), "{before:?}");
}

#[test]
fn set_replaces_all_lines() {
    let modifier = HeaderModifier { set: pairs(&[("X-A", "1")]), ..Default::default() };
    check(&modifier, &[], &[("x-a", "1")]);
    check(&modifier, &[("x-a", "2"), ("X-A", "3"), ("x-b", "4")], &[("x-a", "1"), ("x-b", "4")]);
}

#[test]
fn add_appends() {
    let modifier = HeaderModifier { add: pairs(&[("x-a", "bar,baz")]), ..Default::default() };
    check(&modifier, &[], &[("x-a", "bar,baz")]);
    check(&modifier, &[("x-a", "foo")], &[("x-a", "foo,bar,baz")]);
    check(&modifier, &[("x-a", "1"), ("x-a", "2")], &[("x-a", "1,2,bar,baz")]);
}

#[test]
fn cookies_have_separators_of_their_own() {
    let modifier =
        HeaderModifier { add: pairs(&[("cookie", "b=2"), ("set-cookie", "d=4")]), ..Default::default() };
    check(
        &modifier,
        &[("cookie", "a=1"), ("set-cookie", "c=3")],
        &[("cookie", "a=1; b=2"), ("set-cookie", "c=3"), ("set-cookie", "d=4")],
    );
}

#[test]
fn remove_takes_all_lines() {
    let modifier = HeaderModifier { remove: vec!["x-a".parse().unwrap()], ..Default::default() };
    check(&modifier, &[("X-A", "1"), ("x-a", "2"), ("x-b", "3")], &[("x-b", "3")]);
}

#[test]
fn the_first_change_of_a_header_counts() {
    let modifier = HeaderModifier {
        set: pairs(&[("x-a", "1"), ("X-A", "2")]),
        add: pairs(&[("x-a", "3"), ("x-b", "4")]),
        remove: vec!["x-b".parse().unwrap()],
    };
    check(&modifier, &[], &[("x-a", "1"), ("x-b", "4")]);
}

#[test]
fn headers_of_the_connection_and_the_framing_stay() {
    let names = [
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    for name in names {
        let before = [(name, "1")];
        for modifier in [
            HeaderModifier { set: pairs(&[(name, "2")]), ..Default::default() },
            HeaderModifier { add: pairs(&[(name, "2")]), ..Default::default() },
            HeaderModifier { remove: vec![name.parse().unwrap()], ..Default::default() },
        ] {
            check(&modifier, &before, &before);
            assert!(modifier.ignored().eq([name]), "{name}");
        }
    }
}
