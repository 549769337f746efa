use super::*;
use crate::path::NormalPath;

/// Lines of a header section.
type Lines<'a> = &'a [(&'a str, &'a str)];

fn headers(lines: Lines<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

fn origins(patterns: &[&str]) -> Vec<OriginPattern> {
    patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
}

fn only<T: std::str::FromStr<Err: std::fmt::Debug> + AsRef<str>>(names: &[&str]) -> Allowed<T> {
    names.iter().map(|name| name.parse::<T>().unwrap()).collect()
}

/// Everything for everyone.
fn open(allow_credentials: bool) -> Cors {
    Cors {
        allow_origins: origins(&["*"]),
        allow_credentials,
        allow_methods: Allowed::Any,
        allow_headers: Allowed::Any,
        expose_headers: Allowed::Any,
        ..Cors::default()
    }
}

fn narrow() -> Cors {
    Cors {
        allow_origins: origins(&["https://foo.example", "http://*.test.example"]),
        allow_credentials: true,
        allow_methods: only(&["GET", "PUT"]),
        allow_headers: only(&["X-A", "DNT"]),
        expose_headers: only(&["Content-Security-Policy"]),
        max_age: 1_728_000,
    }
}

const ORIGIN_LINE: (&str, &str) = ("origin", "https://foo.example");
const PREFLIGHT: [(&str, &str); 3] =
    [ORIGIN_LINE, ("access-control-request-method", "PUT"), ("access-control-request-headers", "x-a, x-b")];

#[test]
fn a_star_among_others_allows_everything() {
    assert_eq!(only::<HeaderName>(&["x-a", "*"]), Allowed::Any);
    assert_eq!(only::<Method>(&["*"]), Allowed::Any);
    assert_eq!(only::<Method>(&["PUT"]), Allowed::Only(vec![Method::PUT]));
    assert_eq!(only::<Method>(&[]), Allowed::Only(Vec::new()));
}

#[test]
fn what_is_a_preflight() {
    let path = NormalPath::ROOT;
    let is_preflight = |method: Method, headers: &HeaderMap| {
        is_preflight(&RequestView { method: &method, authority: "shop", path: &path, query: None, headers })
    };
    assert!(is_preflight(Method::OPTIONS, &headers(&PREFLIGHT)));
    assert!(!is_preflight(Method::GET, &headers(&PREFLIGHT)));
    assert!(!is_preflight(Method::OPTIONS, &headers(&PREFLIGHT[..1])));
    assert!(!is_preflight(Method::OPTIONS, &headers(&PREFLIGHT[1..])));
}

#[test]
fn preflights() {
    let closed = Cors { allow_origins: origins(&["https://foo.example"]), ..Cors::default() };
    let table: [(&str, Cors, Lines<'_>); 4] = [
        (
            "everything",
            open(false),
            &[
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "*"),
                ("access-control-allow-headers", "*"),
                ("access-control-expose-headers", "*"),
                ("access-control-max-age", "5"),
            ],
        ),
        (
            "everything, with credentials",
            open(true),
            &[
                ("access-control-allow-origin", "https://foo.example"),
                ("vary", "origin"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "PUT"),
                ("access-control-allow-headers", "x-a, x-b"),
                ("access-control-max-age", "5"),
            ],
        ),
        (
            "named",
            narrow(),
            &[
                ("access-control-allow-origin", "https://foo.example"),
                ("vary", "origin"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "GET, PUT"),
                ("access-control-allow-headers", "x-a, dnt"),
                ("access-control-expose-headers", "content-security-policy"),
                ("access-control-max-age", "1728000"),
            ],
        ),
        (
            "an origin alone",
            closed,
            &[
                ("access-control-allow-origin", "https://foo.example"),
                ("vary", "origin"),
                ("access-control-max-age", "5"),
            ],
        ),
    ];
    for (what, cors, expected) in table {
        assert_eq!(cors.preflight(&headers(&PREFLIGHT)), Ok(headers(expected)), "{what}");
    }
}

#[test]
fn preflights_of_others_are_refused() {
    let asked = |origin| headers(&[("origin", origin), PREFLIGHT[1]]);
    for origin in ["https://bar.example", "http://foo.example", "null", "https://foo.example.evil"] {
        assert_eq!(narrow().preflight(&asked(origin)), Err(OriginRefused), "{origin}");
    }
    assert!(narrow().preflight(&asked("http://a.test.example")).is_ok());
    assert_eq!(narrow().preflight(&headers(&[ORIGIN_LINE, ORIGIN_LINE])), Err(OriginRefused));
    assert_eq!(Cors::default().preflight(&headers(&PREFLIGHT)), Err(OriginRefused));
}

#[test]
fn answers() {
    let backend = [("content-type", "text/plain"), ("x-b", "1"), ("set-cookie", "a=1")];
    let said = [("access-control-allow-origin", "*"), ("access-control-max-age", "9")];
    let table: [(&str, Cors, Lines<'_>, Lines<'_>); 6] = [
        (
            "everything",
            open(false),
            &[ORIGIN_LINE],
            &[
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "*"),
                ("access-control-allow-headers", "*"),
                ("access-control-expose-headers", "*"),
            ],
        ),
        (
            "everything, with credentials",
            open(true),
            &[ORIGIN_LINE],
            &[
                ("access-control-allow-origin", "https://foo.example"),
                ("vary", "origin"),
                ("access-control-allow-credentials", "true"),
                ("access-control-expose-headers", "x-b"),
            ],
        ),
        (
            "named",
            narrow(),
            &[ORIGIN_LINE],
            &[
                ("access-control-allow-origin", "https://foo.example"),
                ("vary", "origin"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "GET, PUT"),
                ("access-control-allow-headers", "x-a, dnt"),
                ("access-control-expose-headers", "content-security-policy"),
            ],
        ),
        ("another origin", narrow(), &[("origin", "https://bar.example")], &[("vary", "origin")]),
        ("no origin", narrow(), &[], &[("vary", "origin")]),
        ("no origin, everything", open(false), &[], &[]),
    ];
    for (what, cors, request, expected) in table {
        let mut answer = headers(&[&backend[..], &said].concat());
        cors.apply(&headers(request), &mut answer);
        assert_eq!(answer, headers(&[&backend[..], expected].concat()), "{what}");
    }
}
