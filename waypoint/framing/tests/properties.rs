//! Properties of any bytes, near to requests and far from them.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

mod feed;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use feed::{Fed, feed, feed_requests};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use karez_framing::{Inspected, MAX_HEADERS, Malformed, RequestFacts, ResponseInspector};
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Parts of requests, good and bad. Joined at random they come near to the grammar.
fn line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Host: a\r\n",
        "Host: b\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: +3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding:\tCHUNKED \r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: keep-alive\r\n",
        "Connection: Upgrade\r\n",
        "Upgrade: websocket\r\n",
        "X: y\r\n",
        "X:\r\n",
        "X: \u{e4}\r\n",
        " folded\r\n",
        "X: y\n",
        "X : y\r\n",
    ])
}

/// A message that is mostly well-formed.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = prop::sample::select(vec!["GET", "PUT", "HEAD", "OPTIONS", "M-SEARCH"]);
    let target =
        prop::sample::select(vec!["/", "/a?b", "//x", "*", "http://a/p", "http://a?q", "HTTPS://A:443"]);
    let framing = prop_oneof![
        Just(("", "")),
        Just(("Content-Length: 0\r\n", "")),
        Just(("Content-Length: 5\r\n", "GET /")),
        Just(("Transfer-Encoding: chunked\r\n", "0\r\n\r\n")),
        Just(("Transfer-Encoding: chunked\r\n", "A;x=\"y\"\r\n0\r\n\r\nGET /\r\n000\r\nX: y\r\n\r\n")),
        Just(("Transfer-Encoding: chunked\r\n", "1\r\nG\r\n2;\r\nET\r\n0\r\nA:\r\nB: c\r\n\r\n")),
        Just(("Transfer-Encoding: chunked\r\n", "0x1\r\nG\r\n0\r\n\r\n")),
    ];
    let blank = prop::sample::select(vec!["", "", "", "\r\n"]);
    let extra = prop::collection::vec(line(), 0..2);
    (blank, method, target, framing, extra).prop_map(|(blank, method, target, (framing, body), extra)| {
        let extra = extra.concat();
        format!("{blank}{method} {target} HTTP/1.1\r\nHost: a\r\n{framing}{extra}\r\n{body}").into_bytes()
    })
}

/// One byte replaced, removed or doubled.
fn mutation() -> impl Strategy<Value = (Index, u8, Option<u8>)> {
    let byte = prop_oneof![prop::sample::select(b"\r\n\0\t :;,0\x0b\x80x".to_vec()), any::<u8>()];
    (any::<Index>(), 0..3u8, prop::option::of(byte))
}

/// Some messages, of which a byte or two are changed.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let requests = prop::collection::vec(request(), 1..5);
    let mutations = prop::collection::vec(mutation(), 0..2);
    (requests, mutations).prop_map(|(requests, mutations)| {
        let mut bytes = requests.concat();
        for (at, kind, byte) in mutations {
            let at = at.index(bytes.len());
            match (kind, byte) {
                (0, Some(byte)) => bytes[at] = byte,
                (1, Some(byte)) => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// The parts of `bytes` between the cuts.
fn split<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn reads_change_no_verdict(bytes in bytes(), cuts in prop::collection::vec(any::<Index>(), 0..8)) {
        let whole = feed_requests([&*bytes]);
        prop_assert_eq!(&feed_requests(split(&bytes, &cuts)), &whole);
        prop_assert_eq!(&feed_requests(bytes.chunks(1)), &whole);
    }

    #[test]
    fn reads_change_no_verdict_on_answers(
        messages in prop::collection::vec(answer(), 1..4),
        mutations in prop::collection::vec((any::<Index>(), any::<u8>()), 0..2),
        cuts in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let mut bytes = messages.concat();
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = feed_answers([&*bytes]);
        prop_assert_eq!(&feed_answers(split(&bytes, &cuts)), &whole);
        prop_assert_eq!(&feed_answers(bytes.chunks(1)), &whole);
    }

    #[test]
    fn hyper_sees_the_requests_that_passed(bytes in bytes(), cuts in prop::collection::vec(any::<Index>(), 0..4)) {
        let fed = feed_requests([&*bytes]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (seen, answers) = runtime.block_on(serve(split(&bytes, &cuts)));
        let expected = messages(&bytes, &fed);
        prop_assert_eq!(&seen, &expected, "{}", bytes.escape_ascii());
        if fed.refusal.is_some() {
            // A refused head is answered, a refused body is not answered twice.
            let is_head = expected.last().is_none_or(|(_, _, body)| body.is_some());
            prop_assert_eq!(answers, expected.len() + usize::from(is_head), "{}", bytes.escape_ascii());
        }
    }
}

/// An answer that is mostly well-formed.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nX: y\r\n\r\n".to_vec(),
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n".to_vec(),
        b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end".to_vec(),
    ])
}

fn feed_answers<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Fed {
    let mut inspector = ResponseInspector::new();
    (0..2).for_each(|_| inspector.expect(RequestFacts::default()));
    feed(&mut inspector, reads)
}

/// A request: method, target, and the body unless it failed.
type Seen = (String, String, Option<Vec<u8>>);

/// What a hyper server behind the inspector sees, and how many final answers its client gets.
async fn serve(reads: Vec<&[u8]>) -> (Vec<Seen>, usize) {
    let (mut client, server) = duplex(1 << 20);
    let (io, _handle) = Inspected::server(server, Malformed::answer);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let record = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let record = record.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
            record.lock().unwrap().push((head.method.to_string(), head.uri.to_string(), body));
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = http1::Builder::new();
    builder.half_close(true).max_headers(MAX_HEADERS).max_buf_size(128 * 1024);
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let client = async {
        for read in reads {
            client.write_all(read).await.ok();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.ok();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.ok();
        let text = String::from_utf8_lossy(&received).replace("HTTP/1.1 100 Continue", "");
        text.matches("HTTP/1.1 ").count()
    };
    // hyper tells a failed read between two messages as its own failure, or not at all.
    let (_, answers) = tokio::join!(connection, client);
    (Arc::into_inner(seen).unwrap().into_inner().unwrap(), answers)
}

/// The requests that passed, read again in a way of its own.
fn messages(bytes: &[u8], fed: &Fed) -> Vec<Seen> {
    let mut messages = Vec::new();
    let mut begin = 0;
    for (index, (behind_head, _)) in fed.requests.iter().enumerate() {
        let head = String::from_utf8_lossy(&bytes[begin..*behind_head]).to_lowercase();
        let line = String::from_utf8_lossy(&bytes[begin..*behind_head]).trim_start().to_owned();
        let mut words = line.lines().next().unwrap_or_default().split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target: http::Uri = words.next().unwrap_or_default().parse().unwrap();
        // Where the next head is, or where the passing ended.
        let mut rest = &bytes[*behind_head..fed.passed];
        let (body, length) = body(&head, rest);
        rest = &rest[length..];
        begin = fed.passed - rest.len();
        let is_failed = body.is_none();
        messages.push((method, target.to_string(), body));
        assert!(!is_failed || index + 1 == fed.requests.len(), "nothing follows a failed body");
    }
    messages
}

/// The body at the front of `bytes`, and how many bytes it takes. `None` if it is not complete.
fn body(head: &str, bytes: &[u8]) -> (Option<Vec<u8>>, usize) {
    if let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length:")) {
        let length: usize = length.trim().parse().unwrap();
        return (bytes.get(..length).map(<[u8]>::to_vec), length.min(bytes.len()));
    }
    if !head.lines().any(|line| line.starts_with("transfer-encoding:")) {
        return (Some(Vec::new()), 0);
    }
    let mut data = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = bytes[at..].windows(2).position(|pair| pair == b"\r\n") else {
            return (None, bytes.len());
        };
        let size = String::from_utf8_lossy(&bytes[at..at + line]).into_owned();
        let size = size.split(';').next().and_then(|size| usize::from_str_radix(size, 16).ok()).unwrap();
        at += line + 2;
        if size == 0 {
            let trailers = &bytes[at..];
            let end = if trailers.starts_with(b"\r\n") {
                Some(2)
            } else {
                trailers.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|end| end + 4)
            };
            return end.map_or((None, bytes.len()), |end| (Some(data), at + end));
        }
        let Some(chunk) = bytes.get(at..at.saturating_add(size)) else {
            return (None, bytes.len());
        };
        data.extend_from_slice(chunk);
        at += size;
        if bytes.get(at..at + 2) != Some(b"\r\n".as_slice()) {
            return (None, bytes.len());
        }
        at += 2;
    }
}
