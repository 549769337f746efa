use proptest::prelude::*;

use super::*;

fn normal(path: &str) -> Result<String, Refused> {
    NormalPath::new(path, Keep::NONE).map(|path| path.to_string())
}

fn kept(path: &str) -> Result<String, Refused> {
    NormalPath::new(path, Keep::ALL).map(|path| path.to_string())
}

#[test]
fn normal_forms() {
    let table = [
        ("/", "/"),
        ("/a/b.html", "/a/b.html"),
        ("/a/b/", "/a/b/"),
        ("/.well-known/acme", "/.well-known/acme"),
        ("/a/..b/...", "/a/..b/..."),
        ("/a;v=1/b", "/a;v=1/b"),
        ("/a!$&'()*+,;=:@-._~", "/a!$&'()*+,;=:@-._~"),
        // RFC 3986, section 6.2.2.
        ("/%7Esmith/%61%2d%5f", "/~smith/a-_"),
        ("/a%3ab%c3%a9", "/a%3Ab%C3%A9"),
        ("/é/{id}|\"", "/%C3%A9/%7Bid%7D%7C%22"),
        // Only once.
        ("/%2561", "/%2561"),
        // RFC 3986, section 5.2.4.
        ("/a/b/c/./../../g", "/a/g"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/../../a", "/a"),
        ("/a/../../../b", "/b"),
        ("/a//../b", "/a/b"),
        ("//a///b//", "/a/b/"),
        ("///", "/"),
        ("\\a\\b", "/a/b"),
    ];
    for (path, expected) in table {
        assert_eq!(normal(path).as_deref(), Ok(expected), "{path}");
    }
}

/// Each hides a way to `/admin` or out of the root from some server.
#[test]
fn attacks() {
    let table = [
        ("/public/../admin", Ok("/admin")),
        ("/public/%2e%2e/admin", Ok("/admin")),
        ("/public/.%2E/admin", Ok("/admin")),
        ("/public/..\\admin", Ok("/admin")),
        ("/public\\..\\admin", Ok("/admin")),
        ("/./admin", Ok("/admin")),
        ("//admin", Ok("/admin")),
        ("/%61dmin", Ok("/admin")),
        ("/admin/.", Ok("/admin/")),
        ("/admin/%2e", Ok("/admin/")),
        ("/..//admin", Ok("/admin")),
        ("/public//../admin", Ok("/public/admin")),
        // No server that decodes once resolves these.
        ("/public/%252e%252e/admin", Ok("/public/%252e%252e/admin")),
        ("/public/%c0%ae%c0%ae/admin", Ok("/public/%C0%AE%C0%AE/admin")),
        ("/public/..%2fadmin", Err(Refused::EncodedSlash)),
        ("/public/..%2Fadmin", Err(Refused::EncodedSlash)),
        ("/public/..%5cadmin", Err(Refused::EncodedSlash)),
        ("/%2fadmin", Err(Refused::EncodedSlash)),
        ("/admin%00.png", Err(Refused::EncodedNul)),
        ("/public/..;/admin", Err(Refused::DotSegmentWithParameter)),
        ("/public/..;a=b/admin", Err(Refused::DotSegmentWithParameter)),
        ("/public/..;", Err(Refused::DotSegmentWithParameter)),
        ("/public/.;/admin", Err(Refused::DotSegmentWithParameter)),
        ("/public/%2e%2e;/admin", Err(Refused::DotSegmentWithParameter)),
        ("/public/..%3b/admin", Err(Refused::DotSegmentWithParameter)),
        ("/public/%u002e%u002e/admin", Err(Refused::Encoding)),
        ("/admin%", Err(Refused::Encoding)),
        ("/admin%2", Err(Refused::Encoding)),
        ("/admin%+2", Err(Refused::Encoding)),
        ("/admin ", Err(Refused::Character(' '))),
        ("/admin\t", Err(Refused::Character('\t'))),
        ("/admin\r\nx: y", Err(Refused::Character('\r'))),
        ("/admin\0", Err(Refused::Character('\0'))),
        ("/admin#x", Err(Refused::Character('#'))),
        ("/admin?x", Err(Refused::Character('?'))),
        ("", Err(Refused::NotAbsolute)),
        ("*", Err(Refused::NotAbsolute)),
        ("admin", Err(Refused::NotAbsolute)),
        ("../admin", Err(Refused::NotAbsolute)),
        ("http://host/admin", Err(Refused::NotAbsolute)),
        ("%2fadmin", Err(Refused::NotAbsolute)),
    ];
    for (path, expected) in table {
        assert_eq!(normal(path).as_deref(), expected.as_ref().map(|path| *path), "{path}");
    }
}

#[test]
fn kept_octets_stay_encoded_and_hide_no_dots() {
    let table = [
        ("/a%2fb%5cc%00", Ok("/a%2Fb%5Cc%00")),
        ("/a%2f%2fb", Ok("/a%2F%2Fb")),
        ("/a/..%2fb", Err(Refused::DotSegmentBesideEncodedSlash)),
        ("/a%2f..", Err(Refused::DotSegmentBesideEncodedSlash)),
        ("/a%5c%2e%2fb", Err(Refused::DotSegmentBesideEncodedSlash)),
        ("/a%2f..;x/b", Err(Refused::DotSegmentBesideEncodedSlash)),
        ("/a%2f..b", Ok("/a%2F..b")),
    ];
    for (path, expected) in table {
        assert_eq!(kept(path).as_deref(), expected.as_ref().map(|path| *path), "{path}");
    }
    let slashes = Keep { slashes: true, nul: false };
    assert_eq!(NormalPath::new("/a%2F%00", slashes), Err(Refused::EncodedNul));
    let nul = Keep { slashes: false, nul: true };
    assert_eq!(NormalPath::new("/a%00%2F", nul), Err(Refused::EncodedSlash));
}

#[test]
fn the_usual_path_is_borrowed() {
    for path in ["/", "/a/b.html", "/api/v1/users/42/"] {
        assert!(matches!(NormalPath::new(path, Keep::NONE), Ok(NormalPath(Cow::Borrowed(_)))), "{path}");
    }
}

/// Paths of the pieces that matter.
fn any_path() -> impl Strategy<Value = String> {
    const PIECES: [&str; 23] = [
        "/", "/", "\\", ".", "..", ";", "a", "b", "%2e", "%2E", "%2F", "%2f", "%5c", "%00", "%3b", "%61",
        "%25", "%", "é", "{", "%c0%ae", "?", " ",
    ];
    prop_oneof![
        4 => proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)
            .prop_map(|pieces| format!("/{}", pieces.concat())),
        1 => ".*",
    ]
}

fn any_keep() -> impl Strategy<Value = Keep> {
    (any::<bool>(), any::<bool>()).prop_map(|(slashes, nul)| Keep { slashes, nul })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn idempotent(path in any_path(), keep in any_keep()) {
        if let Ok(once) = NormalPath::new(&path, keep) {
            let twice = NormalPath::new(once.as_str(), keep);
            prop_assert_eq!(twice.as_ref(), Ok(&once));
        }
    }

    #[test]
    fn nothing_is_left_to_resolve(path in any_path(), keep in any_keep()) {
        if let Ok(normal) = NormalPath::new(&path, keep) {
            let text = normal.as_str();
            prop_assert!(text.starts_with('/'));
            prop_assert!(text.bytes().all(|octet| octet == b'/' || octet == b'%' || is_path_octet(octet)));
            for part in ["//", "/./", "/../", "\\", "%2e", "%2E", "%2f", "/..;", "/.;"] {
                prop_assert!(!text.contains(part), "{text} holds {part}");
            }
            prop_assert!(!text.ends_with("/.") && !text.ends_with("/.."));
            prop_assert!(keep.slashes || !(text.contains("%2F") || text.contains("%5C")));
            prop_assert!(keep.nul || !text.contains("%00"));
        }
    }

    /// The short way gives what the long one gives.
    #[test]
    fn plainly_normal_paths_are_normal(path in any_path()) {
        if is_plainly_normal(path.as_bytes()) {
            let decoded = decode(&path, Keep::NONE).unwrap();
            prop_assert_eq!(merge_slashes(resolve_dot_segments(&decoded).unwrap()), path);
        }
    }

    #[test]
    fn a_longer_way_to_the_same_path(path in "/([a-c]{1,2}/){0,4}", way in 0..4_usize) {
        let detour = [path.replace('/', "//"), path.replace('/', "/./"), path.replace('/', "/x/../"), path.replace('a', "%61")];
        prop_assert_eq!(normal(&detour[way]), Ok(path));
    }
}
