use super::*;

const SWITCH: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

fn facts(head: &str) -> RequestFacts {
    RequestInspector::new().inspect(head.as_bytes()).unwrap().request.unwrap()
}

#[test]
fn facts_tell_how_the_answer_is_framed() {
    let websocket = Some(Upgrade::WebSocket);
    let table = [
        ("GET", "", RequestFacts::default()),
        ("HEAD", "", RequestFacts { is_head: true, ..RequestFacts::default() }),
        // Methods have case.
        ("head", "", RequestFacts::default()),
        (
            "PUT",
            "Expect: 100-Continue\r\n",
            RequestFacts { expects_continue: true, ..RequestFacts::default() },
        ),
        (
            "GET",
            "Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n",
            RequestFacts { upgrade: websocket, ..RequestFacts::default() },
        ),
        (
            "GET",
            "Upgrade: websocket, foo\r\nConnection: upgrade\r\n",
            RequestFacts { upgrade: Some(Upgrade::Other), ..RequestFacts::default() },
        ),
        (
            "GET",
            "Upgrade: foo\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
            RequestFacts { upgrade: Some(Upgrade::Other), ..RequestFacts::default() },
        ),
        // RFC 9110 section 7.8: without the connection option it is no upgrade.
        ("GET", "Upgrade: websocket\r\n", RequestFacts::default()),
    ];
    for (method, lines, expected) in table {
        assert_eq!(facts(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")), expected, "{lines}");
    }
    let old = "GET / HTTP/1.0\r\nExpect: 100-continue\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(facts(old), RequestFacts::default());
}

#[test]
fn a_request_to_a_backend_has_the_same_facts() {
    let mut headers = http::HeaderMap::new();
    headers.insert("upgrade", http::HeaderValue::from_static("websocket"));
    headers.insert("connection", http::HeaderValue::from_static("upgrade"));
    let sent = RequestFacts::of(&http::Method::GET, &headers);
    assert_eq!(RequestInspector::new().inspect(SWITCH).unwrap().request, Some(sent));
    assert!(RequestFacts::of(&http::Method::CONNECT, &http::HeaderMap::new()).is_connect);
}

#[test]
fn another_protocol_passes_only_behind_101() {
    let mut inspector = RequestInspector::new();
    assert!(!inspector.switch_protocols(), "nothing asked for it");
    assert_eq!(inspector.inspect(&[SWITCH, b"\0\x01"].concat()).unwrap().passed, SWITCH.len());
    assert!(inspector.is_switching());
    assert!(inspector.switch_protocols());
    assert_eq!(inspector.inspect(b"\0\x01").unwrap().passed, 2);
    assert_eq!(inspector.end(), Ok(()));

    let mut declined = RequestInspector::new();
    declined.inspect(SWITCH).unwrap();
    assert_eq!(declined.inspect(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().passed, 27);
    assert!(!declined.is_switching());
    assert!(!declined.switch_protocols(), "the last request asked for nothing");
    assert!(declined.inspect(b"\0\x01").is_err());
}

#[test]
fn another_protocol_begins_behind_the_body() {
    let head =
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\n";
    let mut inspector = RequestInspector::new();
    assert_eq!(inspector.inspect(&[head.as_slice(), b"ab\0"].concat()).unwrap().passed, head.len());
    assert!(!inspector.is_switching(), "the body comes first");
    assert!(inspector.switch_protocols());
    assert_eq!(inspector.inspect(b"ab\0").unwrap().passed, 2);
    assert_eq!(inspector.inspect(b"\0").unwrap().passed, 1);
}

#[test]
fn the_end_comes_between_messages() {
    let complete = [
        "",
        "\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    for bytes in complete {
        assert_eq!(end(bytes), Ok(()), "{bytes:?}");
        for cut in (1..bytes.len()).filter(|cut| bytes.len() > 2 && *cut < bytes.len()) {
            assert_eq!(
                end(&bytes[..cut]).map_err(|malformed| malformed.reason),
                Err(Reason::Truncated),
                "{cut}"
            );
        }
    }
}

fn end(bytes: &str) -> Result<(), Malformed> {
    let mut inspector = RequestInspector::new();
    let mut rest = bytes.as_bytes();
    loop {
        match inspector.inspect(rest)?.passed {
            0 => break,
            passed => rest = &rest[passed..],
        }
    }
    inspector.end()
}
