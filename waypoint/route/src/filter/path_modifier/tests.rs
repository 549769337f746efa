use proptest::prelude::*;

use super::*;

/// The path after a rewrite by a rule that matches `prefix`.
fn rewritten(path: &str, prefix: &str, by: &str) -> String {
    let path = NormalPath::new(path, Keep::NONE).unwrap();
    let length = prefix.trim_end_matches('/').len();
    PathModifier::replace_prefix_match(by).unwrap().apply(&path, length).to_string()
}

/// The table of Gateway API's `HTTPPathModifier`, and what it leaves open.
#[test]
fn prefixes() {
    let table = [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/foo", "/foo", "/xyz/", "/xyz"),
        ("/foo/bar", "/", "/xyz", "/xyz/foo/bar"),
        ("/", "/", "/xyz", "/xyz/"),
        ("/foo/bar/", "/foo/bar", "/x/y", "/x/y/"),
        ("/foo/bar", "/foo", "xyz", "/xyz/bar"),
    ];
    for (path, prefix, by, expected) in table {
        assert_eq!(rewritten(path, prefix, by), expected, "{path}, {prefix} by {by:?}");
    }
}

#[test]
fn full_paths() {
    let path = NormalPath::new("/foo/bar", Keep::NONE).unwrap();
    for (by, expected) in
        [("/xyz", "/xyz"), ("/xyz/", "/xyz/"), ("xyz", "/xyz"), ("", "/"), ("/a//./b", "/a/b")]
    {
        let modifier = PathModifier::replace_full_path(by).unwrap();
        assert_eq!(modifier.apply(&path, 0).as_str(), expected, "{by:?}");
    }
    for by in ["/a?b", "/a\r\nb", "/a%"] {
        assert!(PathModifier::replace_full_path(by).is_err(), "{by:?}");
    }
}

proptest! {
    #[test]
    fn what_is_rewritten_is_normal(path in "(/[a-c]{1,2}){0,4}/?", by in "/?([a-c/.]{0,6})", length in 0..20_usize) {
        let path = format!("/{}", path.trim_start_matches('/'));
        let path = NormalPath::new(&path, Keep::NONE).unwrap();
        if let Ok(modifier) = PathModifier::replace_prefix_match(&by) {
            let rewritten = modifier.apply(&path, length);
            prop_assert_eq!(NormalPath::new(rewritten.as_str(), Keep::ALL), Ok(rewritten.clone()));
        }
    }
}
