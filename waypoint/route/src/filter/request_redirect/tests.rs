use http::{HeaderMap, Method};

use super::*;
use crate::path::{Keep, NormalPath};

const HTTP: Listener = Listener { scheme: Scheme::Http, port: 80 };

/// Where a request for `http://AUTHORITY/foo/bar?q=1`, which matched the prefix `/foo`, is redirected.
fn location(
    redirect: &RequestRedirect,
    authority: &str,
    listener: Listener,
) -> Result<String, InvalidAuthority> {
    let path = NormalPath::new("/foo/bar", Keep::NONE).unwrap();
    let headers = HeaderMap::new();
    let request =
        RequestView { method: &Method::GET, authority, path: &path, query: Some("q=1"), headers: &headers };
    redirect.location(&request, listener, 4).map(|location| location.to_str().unwrap().to_owned())
}

fn redirect(scheme: Option<Scheme>, hostname: Option<&str>, port: Option<u16>) -> RequestRedirect {
    RequestRedirect {
        scheme,
        hostname: hostname.map(|name| name.parse().unwrap()),
        port,
        ..Default::default()
    }
}

#[test]
fn schemes_and_ports() {
    let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
    let on = |port| Listener { port, ..HTTP };
    let secure = |port| Listener { scheme: Scheme::Https, port };
    let table = [
        // Neither scheme nor port: those of the listener.
        (None, None, on(80), "http://shop"),
        (None, None, on(8080), "http://shop:8080"),
        (None, None, secure(443), "https://shop"),
        (None, None, secure(8443), "https://shop:8443"),
        (None, None, on(443), "http://shop:443"),
        // A scheme: its own port.
        (https, None, on(80), "https://shop"),
        (https, None, on(8080), "https://shop"),
        (http, None, on(8080), "http://shop"),
        (http, None, secure(443), "http://shop"),
        // A port.
        (None, Some(8080), on(80), "http://shop:8080"),
        (None, Some(80), on(8080), "http://shop"),
        (None, Some(443), on(80), "http://shop:443"),
        (https, Some(443), on(80), "https://shop"),
        (https, Some(80), on(80), "https://shop:80"),
        (http, Some(80), on(8080), "http://shop"),
    ];
    for (scheme, port, listener, expected) in table {
        let expected = format!("{expected}/foo/bar?q=1");
        assert_eq!(location(&redirect(scheme, None, port), "shop:9999", listener), Ok(expected));
    }
}

#[test]
fn host_names() {
    let named = redirect(None, Some("example.org"), None);
    let unnamed = redirect(None, None, None);
    for authority in ["shop", "shop:80", "[::1]:80", "10.0.0.1", "user@shop:80", ""] {
        let expected = "http://example.org/foo/bar?q=1".to_owned();
        assert_eq!(location(&named, authority, HTTP), Ok(expected));
    }
    for (authority, host) in
        [("shop:1", "shop"), ("[::1]:80", "[::1]"), ("10.0.0.1", "10.0.0.1"), ("u@shop", "shop")]
    {
        assert_eq!(location(&unnamed, authority, HTTP), Ok(format!("http://{host}/foo/bar?q=1")));
    }
    for authority in ["", ":80", "a b", "shop/evil", "shop\r\nx: y"] {
        assert_eq!(location(&unnamed, authority, HTTP), Err(InvalidAuthority), "{authority:?}");
    }
}

#[test]
fn paths() {
    let table = [
        (PathModifier::replace_full_path("/xyz"), "http://shop/xyz?q=1"),
        (PathModifier::replace_prefix_match("/xyz"), "http://shop/xyz/bar?q=1"),
        (PathModifier::replace_prefix_match(""), "http://shop/bar?q=1"),
    ];
    for (path, expected) in table {
        let redirect = RequestRedirect { path: Some(path.unwrap()), ..Default::default() };
        assert_eq!(location(&redirect, "shop", HTTP).as_deref(), Ok(expected));
    }
}
