use super::*;

const GET: RequestFacts =
    RequestFacts { is_head: false, is_connect: false, expects_continue: false, upgrade: None };
const HEAD: RequestFacts = RequestFacts { is_head: true, ..GET };
const CONNECT: RequestFacts = RequestFacts { is_connect: true, ..GET };
const WEBSOCKET: RequestFacts = RequestFacts { upgrade: Some(Upgrade::WebSocket), ..GET };
const OTHER: RequestFacts = RequestFacts { upgrade: Some(Upgrade::Other), ..GET };

/// How many bytes pass, and why no more do.
fn inspect(requests: &[RequestFacts], bytes: &[u8]) -> (usize, Option<Reason>, ResponseInspector) {
    let mut inspector = ResponseInspector::new();
    requests.iter().for_each(|request| inspector.expect(*request));
    let mut passed = 0;
    loop {
        match inspector.inspect(&bytes[passed..]) {
            Ok(Verdict { passed: 0, .. }) => return (passed, None, inspector),
            Ok(verdict) => passed += verdict.passed,
            Err(malformed) => {
                assert_eq!(malformed.status(), http::StatusCode::BAD_GATEWAY);
                return (passed, Some(malformed.reason), inspector);
            }
        }
    }
}

#[test]
fn an_answer_ends_where_its_request_and_status_say() {
    let table: [(&str, RequestFacts, &[u8]); 11] = [
        ("a length", GET, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
        ("no body", GET, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("chunks", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"),
        ("an answer to HEAD", HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("a chunked answer to HEAD", HEAD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("204", GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("204 with the length 0", GET, b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("304 with a length", GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
        ("behind 100", GET, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n"),
        ("behind 103", GET, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 x\r\n\r\n"),
        (
            "an upgrade that is declined",
            WEBSOCKET,
            b"HTTP/1.1 426 x\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    for (class, request, bytes) in table {
        let (passed, refusal, inspector) = inspect(&[request], bytes);
        assert_eq!((passed, refusal), (bytes.len(), None), "{class}");
        assert!(inspector.is_idle(), "{class}");
        let glued = [bytes, b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        let (passed, refusal, inspector) = inspect(&[request], &glued);
        assert_eq!((passed, refusal), (bytes.len(), Some(Reason::Unsolicited)), "{class}, more behind it");
        assert!(!inspector.is_idle(), "{class}, more behind it");
        let (passed, refusal, mut inspector) = inspect(&[request, GET], &glued);
        assert_eq!((passed, refusal), (glued.len(), None), "{class}, another answer behind it");
        assert_eq!(inspector.end(), Ok(()), "{class}, another answer behind it");
    }
}

#[test]
fn an_answer_without_framing_ends_with_the_connection() {
    for version in ["1.0", "1.1"] {
        let bytes = format!("HTTP/{version} 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\0");
        let (passed, refusal, mut inspector) = inspect(&[GET], bytes.as_bytes());
        assert_eq!((passed, refusal), (bytes.len(), None));
        assert!(!inspector.is_idle());
        assert_eq!(inspector.end(), Ok(()));
    }
}

#[test]
fn protocols_switch_only_as_asked() {
    let switch = |protocol: &str| {
        format!("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\n\r\n\0\x01").into_bytes()
    };
    let connected = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\0\x01".to_vec();
    let interim = [b"HTTP/1.1 100 x\r\n\r\n".to_vec(), switch("websocket")].concat();
    let unnamed = b"HTTP/1.1 101 x\r\n\r\n".to_vec();
    let lone = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n".to_vec();
    let old = b"HTTP/1.0 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec();
    let table = [
        (WEBSOCKET, switch("WebSocket"), None),
        (WEBSOCKET, interim, None),
        (OTHER, switch("x"), None),
        (CONNECT, connected, None),
        (GET, switch("websocket"), Some(Reason::UnaskedUpgrade)),
        (HEAD, switch("websocket"), Some(Reason::UnaskedUpgrade)),
        (CONNECT, switch("websocket"), Some(Reason::UnaskedUpgrade)),
        (WEBSOCKET, switch("x"), Some(Reason::UnaskedUpgrade)),
        (WEBSOCKET, unnamed, Some(Reason::UnaskedUpgrade)),
        (WEBSOCKET, lone, Some(Reason::UnaskedUpgrade)),
        (WEBSOCKET, old, Some(Reason::UnaskedUpgrade)),
    ];
    for (request, bytes, expected) in table {
        let (passed, refusal, _) = inspect(&[request], &bytes);
        let text = bytes.escape_ascii().to_string();
        assert_eq!(refusal, expected, "{request:?} {text}");
        assert!(expected.is_some() || passed == bytes.len(), "{request:?} {text}");
    }
}

#[test]
fn ambiguous_answers_are_refused() {
    let table: [(&[u8], Reason); 17] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", Reason::TwoLengths),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n", Reason::InvalidLength),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            Reason::LengthAndChunked,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Reason::TransferCoding),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Reason::TransferEncoding),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::ChunkedOnHttp10),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", Reason::Fold),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", Reason::ControlByte),
        (b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", Reason::BareCr),
        (b"HTTP/1.1 200 OK\r\nX: a\n\r\n", Reason::BareLf),
        (b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n", Reason::SpaceBeforeColon),
        (b"HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\n", Reason::BodyNotAllowed),
        (b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::BodyNotAllowed),
        (b"HTTP/1.1 103 x\r\nContent-Length: 2\r\n\r\n", Reason::BodyNotAllowed),
        (b"HTTP/1.0 100 x\r\n\r\n", Reason::StatusLine),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::StatusLine),
        (b"ICY 200 OK\r\n\r\n", Reason::StatusLine),
    ];
    for (bytes, reason) in table {
        let (passed, refusal, mut inspector) = inspect(&[GET, GET], bytes);
        assert_eq!((passed, refusal), (0, Some(reason)), "{}", bytes.escape_ascii());
        assert!(inspector.end().is_err());
    }
}

#[test]
fn what_a_server_may_say_of_a_hop_passes() {
    // Apache offers h2c in ordinary answers, CDNs name Transfer-Encoding as hop-by-hop.
    let bytes = b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade, Transfer-Encoding\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let (passed, refusal, _) = inspect(&[GET], bytes);
    assert_eq!((passed, refusal), (bytes.len(), None));
}

#[test]
fn informational_answers_are_bounded_for_each_request() {
    let interim = b"HTTP/1.1 102 x\r\n\r\n".repeat(usize::from(MOST_INFORMATIONAL));
    let answer = [&*interim, b"HTTP/1.1 204 x\r\n\r\n"].concat();
    let (passed, refusal, _) = inspect(&[GET, GET], &answer.repeat(2));
    assert_eq!((passed, refusal), (2 * answer.len(), None));
    let (passed, refusal, _) = inspect(&[GET], &[&*interim, b"HTTP/1.1 102 x\r\n\r\n"].concat());
    assert_eq!((passed, refusal), (interim.len(), Some(Reason::TooManyInformational)));
}

#[test]
fn an_answer_cut_short_is_told_apart_from_none() {
    let table: [(&[u8], bool); 6] = [
        (b"", true),
        (b"HTTP/1.1 100 x\r\n\r\n", true),
        (b"HTTP/1.1 2", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", false),
    ];
    for (bytes, is_fine) in table {
        let (_, refusal, mut inspector) = inspect(&[GET], bytes);
        assert_eq!((refusal, inspector.end().is_ok()), (None, is_fine), "{}", bytes.escape_ascii());
    }
}
