//! The known classes of request smuggling, and what must pass beside them.

mod feed;

use feed::{Fed, feed_requests};
use karez_framing::Reason;

/// Bytes that are refused, and how many of them pass before.
struct Refused {
    class: &'static str,
    bytes: &'static [u8],
    passed: usize,
    reason: Reason,
}

const fn refused(class: &'static str, bytes: &'static [u8], passed: usize, reason: Reason) -> Refused {
    Refused { class, bytes, passed, reason }
}

#[test]
fn ambiguous_framing_is_refused() {
    use Reason::*;
    let table = [
        refused(
            "CL.TE",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
            0,
            LengthAndChunked,
        ),
        refused(
            "TE.CL",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST",
            0,
            LengthAndChunked,
        ),
        refused("CL.CL, equal", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n", 0, TwoLengths),
        refused("CL.CL, differing", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 7\r\n\r\n", 0, TwoLengths),
        refused("CL list", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 0, InvalidLength),
        refused("CL with plus", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 0, InvalidLength),
        refused("CL with minus", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", 0, InvalidLength),
        refused("CL with space", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n", 0, InvalidLength),
        refused("CL hexadecimal", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 0, InvalidLength),
        refused("CL empty", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 0, InvalidLength),
        refused("CL overflow of i64", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 0, InvalidLength),
        refused("CL overflow to 5", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", 0, InvalidLength),
        refused("TE twice", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: chunked\r\n\r\n", 0, TwoTransferEncodings),
        refused("TE.TE, cow", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n", 0, TwoTransferEncodings),
        refused("TE chunked twice", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 0, TransferEncoding),
        refused("TE xchunked", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 0, TransferEncoding),
        refused("TE chunked, identity", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 0, TransferEncoding),
        refused("TE identity", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 0, TransferEncoding),
        refused("TE empty", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 0, TransferEncoding),
        refused("TE trailing comma", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 0, TransferEncoding),
        refused("TE quoted", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 0, TransferEncoding),
        refused("TE with parameter", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", 0, TransferEncoding),
        refused("TE with vertical tab", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 0, ControlByte),
        refused("TE with form feed", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n", 0, ControlByte),
        refused("TE behind obs-text", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n", 0, TransferEncoding),
        refused("TE after another coding", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0, TransferCoding),
        refused("TE on HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ChunkedOnHttp10),
        refused("TE named with _", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n", 0, ConfusableName),
        refused("CL named with _", b"GET / HTTP/1.1\r\nHost: a\r\ncontent_length: 5\r\n\r\n", 0, ConfusableName),
    ];
    check(&table);
}

#[test]
fn lines_that_two_readers_split_differently_are_refused() {
    use Reason::*;
    let table = [
        refused("bare LF in a head", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 0, BareLf),
        refused("bare LF behind the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 0, BareLf),
        refused("bare LF at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 0, BareLf),
        refused(
            "bare CR in a value",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 5\r\n\r\n",
            0,
            BareCr,
        ),
        refused("bare CR before CRLF", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", 0, BareCr),
        refused("bare CR in the request line", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("obs-fold", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 0, Fold),
        refused("obs-fold with a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", 0, Fold),
        refused("space before the first name", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 0, Fold),
        refused("line of a space", b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 0, Fold),
        refused(
            "space before the colon",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
            0,
            SpaceBeforeColon,
        ),
        refused(
            "tab before the colon",
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n",
            0,
            SpaceBeforeColon,
        ),
        refused("space in a name", b"GET / HTTP/1.1\r\nHost: a\r\nContent Length: 5\r\n\r\n", 0, HeaderName),
        refused("no colon", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length\r\n\r\n", 0, HeaderName),
        refused("no name", b"GET / HTTP/1.1\r\nHost: a\r\n: 5\r\n\r\n", 0, HeaderName),
        refused(
            "vertical tab in a name",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length\x0b: 5\r\n\r\n",
            0,
            ControlByte,
        ),
        refused("obs-text in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\xff: 5\r\n\r\n", 0, HeaderName),
        refused("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 0, ControlByte),
        refused("DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 0, ControlByte),
    ];
    check(&table);
}

#[test]
fn request_lines_that_are_not_exactly_so_are_refused() {
    use Reason::*;
    let table = [
        refused("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("tab", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("vertical tab", b"GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("space at the end", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("space in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("space at the start", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("no version", b"GET /\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("method that is no token", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("two empty lines before", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("lower case version", b"GET / http/1.1\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("version 1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 0, RequestLine),
        refused("version 1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0, UnknownVersion),
        refused("version 2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 0, UnknownVersion),
        refused("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, Http2Preface),
        refused("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00", 0, RequestLine),
        refused("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0, InnerConnect),
        refused("authority form", b"GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0, Target),
        refused("asterisk of GET", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("obs-text in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("other scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("no authority", b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
        refused("user information in the target", b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, Target),
    ];
    check(&table);
}

#[test]
fn a_host_is_one_and_the_same() {
    use Reason::*;
    let table = [
        refused("no Host", b"GET / HTTP/1.1\r\nAccept: a\r\n\r\n", 0, NoHost),
        refused("no Host, absolute form", b"GET http://a/ HTTP/1.1\r\n\r\n", 0, NoHost),
        refused("two equal Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 0, TwoHosts),
        refused("two Hosts on HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n", 0, TwoHosts),
        refused("empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, InvalidHost),
        refused("list of Hosts", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 0, InvalidHost),
        refused("user information", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 0, InvalidHost),
        refused("path in Host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0, InvalidHost),
        refused(
            "absolute form of another host",
            b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            0,
            HostMismatch,
        ),
        refused(
            "absolute form of another port",
            b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
            0,
            HostMismatch,
        ),
        refused(
            "default port of the other scheme",
            b"GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n",
            0,
            HostMismatch,
        ),
        refused("absolute form of HTTP/1.0", b"GET http://b/ HTTP/1.0\r\nHost: a\r\n\r\n", 0, HostMismatch),
    ];
    check(&table);
}

#[test]
fn hops_and_upgrades_hide_nothing() {
    use Reason::*;
    let table = [
        refused(
            "h2c",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            0,
            CleartextHttp2,
        ),
        refused(
            "h2c in a list",
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, H2C\r\n\r\n",
            0,
            CleartextHttp2,
        ),
        refused(
            "HTTP2-Settings",
            b"GET / HTTP/1.1\r\nHost: a\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            0,
            CleartextHttp2,
        ),
        refused("expectation", b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 0, Expectation),
        refused(
            "two expectations",
            b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n",
            0,
            Expectation,
        ),
        refused(
            "Connection: Host",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection: Content-Length",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection: Transfer-Encoding",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection: Authorization",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection: Cookie",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: cookie\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection: X-Forwarded-For",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n",
            0,
            ConnectionNamesHeader,
        ),
        refused(
            "Connection of no token",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n",
            0,
            InvalidConnection,
        ),
    ];
    check(&table);
}

/// A head of 56 bytes and its chunked body.
macro_rules! chunked {
    ($body:literal) => {
        concat_bytes(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $body)
    };
}

fn concat_bytes(head: &[u8], body: &[u8]) -> &'static [u8] {
    Box::leak([head, body].concat().into_boxed_slice())
}

#[test]
fn chunks_are_framed_exactly() {
    use Reason::*;
    const HEAD: usize = 56;
    let table = [
        refused("0x", chunked!(b"0x5\r\nhello\r\n0\r\n\r\n"), HEAD + 1, ChunkSize),
        refused("sign", chunked!(b"+5\r\nhello\r\n0\r\n\r\n"), HEAD, ChunkSize),
        refused("no size", chunked!(b"\r\nhello\r\n"), HEAD, ChunkSize),
        refused("no digit before the extension", chunked!(b";a\r\n"), HEAD, ChunkSize),
        refused("space before the size", chunked!(b" 5\r\nhello\r\n"), HEAD, ChunkSize),
        refused("space behind the size", chunked!(b"5 \r\nhello\r\n"), HEAD + 1, ChunkSize),
        refused("underscore", chunked!(b"1_0\r\n"), HEAD + 1, ChunkSize),
        refused("LF behind the size", chunked!(b"5\nhello\r\n"), HEAD + 1, ChunkSize),
        refused("CR without LF behind the size", chunked!(b"5\rX\nhello\r\n"), HEAD + 2, ChunkSize),
        refused("overflow of u64", chunked!(b"10000000000000005\r\nhello\r\n"), HEAD + 16, ChunkSize),
        refused("overflow of i64", chunked!(b"8000000000000000\r\nhello\r\n"), HEAD + 15, ChunkSize),
        refused("many zeros", chunked!(b"00000000000000000\r\n\r\n"), HEAD + 16, ChunkSize),
        refused("extension with LF", chunked!(b"5;a\nhello\r\n0\r\n\r\n"), HEAD + 3, ChunkExtension),
        refused("extension with NUL", chunked!(b"5;\0\r\nhello\r\n"), HEAD + 2, ChunkExtension),
        refused("extension with CR", chunked!(b"5;a\rb\r\nhello\r\n"), HEAD + 4, ChunkSize),
        refused("data longer than the size", chunked!(b"5\r\nhello!\r\n0\r\n\r\n"), HEAD + 8, ChunkEnd),
        refused("LF behind the data", chunked!(b"5\r\nhello\n0\r\n\r\n"), HEAD + 8, ChunkEnd),
        refused("CR without LF behind the data", chunked!(b"5\r\nhello\r0\r\n\r\n"), HEAD + 9, ChunkEnd),
        refused(
            "Content-Length as a trailer",
            chunked!(b"0\r\nContent-Length: 5\r\n\r\n"),
            HEAD + 3,
            ForbiddenTrailer,
        ),
        refused(
            "Transfer_Encoding as a trailer",
            chunked!(b"0\r\nTransfer_Encoding: x\r\n\r\n"),
            HEAD + 3,
            ForbiddenTrailer,
        ),
        refused("Host as a trailer", chunked!(b"0\r\nA: b\r\nhost: b\r\n\r\n"), HEAD + 3, ForbiddenTrailer),
        refused("folded trailer", chunked!(b"0\r\nA: b\r\n c\r\n\r\n"), HEAD + 3, Fold),
        refused("LF in trailers", chunked!(b"0\r\nA: b\nC: d\r\n\r\n"), HEAD + 3, BareLf),
        refused("LF instead of trailers", chunked!(b"0\r\n\n"), HEAD + 3, BareLf),
        refused(
            "a request as a trailer",
            chunked!(b"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            HEAD + 3,
            HeaderName,
        ),
        refused("garbage behind the trailers", chunked!(b"0\r\n\r\n\0"), HEAD + 5, RequestLine),
    ];
    check(&table);
}

#[test]
fn what_is_unusual_but_clear_passes() {
    let table: [(&str, &[u8], usize); 20] = [
        ("the usual", b"GET /a?b=c HTTP/1.1\r\nHost: a.b:80\r\nAccept: */*\r\n\r\n", 1),
        ("pipelined", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\n", 2),
        (
            "behind a body",
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGETGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        ("behind chunks", chunked!(b"3\r\nGET\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 2),
        ("chunk extensions", chunked!(b"A;a=\"b c\";d\r\n0123456789\r\n00;e\r\n\r\n"), 1),
        ("trailers", chunked!(b"0\r\nGrpc-Status: 0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 2),
        ("the largest chunk", chunked!(b"7fffffffffffffff\r\n"), 1),
        (
            "one empty line before each",
            b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            2,
        ),
        ("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", 1),
        ("asterisk", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("absolute form", b"GET HTTP://A.b/x HTTP/1.1\r\nHost: a.B:80\r\n\r\n", 1),
        ("absolute form, https", b"GET https://a?x HTTP/1.1\r\nHost: a:443\r\n\r\n", 1),
        ("IPv6", b"GET http://[2001:DB8::1]:8080 HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", 1),
        ("odd method", b"M-SEARCH! / HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("odd path", b"GET //..;/%2e|{}[]\\^?`' HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("no white space, much white space", b"GET / HTTP/1.1\r\nHost:a\r\nX:\t \t y \t\r\nY:\r\n\r\n", 1),
        ("obs-text in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n", 1),
        ("zeros before a length", b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabc", 1),
        (
            "options of one hop",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive,, TE\r\nTE: trailers\r\n\r\n",
            1,
        ),
        ("names with _", b"GET / HTTP/1.1\r\nHost: a\r\nx_request_id: 5\r\n_ontent-length: 5\r\n\r\n", 1),
    ];
    for (class, bytes, requests) in table {
        let fed = feed_requests([bytes]);
        assert_eq!(fed.refusal, None, "{class}");
        assert_eq!(fed.requests.len(), requests, "{class}");
        assert_eq!(fed.passed, bytes.len(), "{class}");
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let head = |padding: usize| {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
        head.resize(padding - 4, b'x');
        head.extend_from_slice(b"\r\n\r\n");
        head
    };
    let largest = head(karez_framing::MAX_HEAD);
    assert_eq!(feed_requests([&*largest]).passed, largest.len());
    assert_eq!(feed_requests([&*head(karez_framing::MAX_HEAD + 1)]).refusal, Some(Reason::HeadTooLarge));
    assert_eq!(feed_requests([[b'x'; karez_framing::MAX_HEAD - 1].as_slice()]).refusal, None);
    assert_eq!(
        feed_requests([[b'x'; karez_framing::MAX_HEAD].as_slice()]).refusal,
        Some(Reason::HeadTooLarge)
    );

    let lines =
        |count: usize| ["GET / HTTP/1.1\r\nHost: a\r\n", &"a:\r\n".repeat(count - 1), "\r\n"].concat();
    for count in [31, 32, 33, karez_framing::MAX_HEADERS] {
        assert_eq!(feed_requests([lines(count).as_bytes()]).refusal, None, "{count}");
    }
    let over = lines(karez_framing::MAX_HEADERS + 1);
    assert_eq!(feed_requests([over.as_bytes()]).refusal, Some(Reason::TooManyHeaders));

    let trailers = |padding: usize| {
        let mut body = chunked!(b"0\r\n").to_vec();
        let head = body.len();
        body.extend_from_slice(b"X: ");
        body.resize(head + padding - 4, b'x');
        body.extend_from_slice(b"\r\n\r\n");
        body
    };
    assert_eq!(feed_requests([&*trailers(karez_framing::MAX_TRAILERS)]).refusal, None);
    let over = trailers(karez_framing::MAX_TRAILERS + 1);
    assert_eq!(feed_requests([&*over]).refusal, Some(Reason::TrailersTooLarge));
}

fn check(table: &[Refused]) {
    for Refused { class, bytes, passed, reason } in table {
        let fed = feed_requests([*bytes]);
        assert_eq!((fed.refusal, fed.passed), (Some(*reason), *passed), "{class}");
        assert_eq!(reason.word(), format!("{reason:?}"), "the word for logs is the variant's name");
        let head = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
        let glued = [head, *bytes].concat();
        let Fed { refusal, passed: with_first, .. } = feed_requests([&*glued]);
        assert_eq!(
            (refusal, with_first),
            (Some(*reason), head.len() + passed),
            "{class}, glued behind another"
        );
    }
}
