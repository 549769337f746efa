//! Hostile input for the inspectors. A target first gets the files of its folder below `__fuzz__`, if any, then random
//! input.

mod feed;

use feed::{feed, feed_requests};
use karez_framing::{Inspector, RequestFacts, ResponseInspector, Upgrade};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn any_bytes_of_a_client_are_judged() {
    bolero::check!().for_each(|bytes: &[u8]| {
        // Alone, as field lines, and as chunks.
        for front in [b"".as_slice(), HEAD, CHUNKED] {
            let whole = [front, bytes].concat();
            let fed = feed_requests([&*whole]);
            assert!(fed.passed <= whole.len());
            assert_eq!(feed_requests([front, bytes]), fed);
            assert_eq!(feed_requests(whole.chunks(3)), fed);
        }
    });
}

#[test]
fn any_bytes_of_a_backend_are_judged() {
    let facts = RequestFacts::default();
    let requests = [
        facts,
        RequestFacts { is_head: true, ..facts },
        RequestFacts { is_connect: true, ..facts },
        RequestFacts { upgrade: Some(Upgrade::WebSocket), ..facts },
    ];
    let inspector = || {
        let mut inspector = ResponseInspector::new();
        requests.iter().for_each(|request| inspector.expect(*request));
        inspector
    };
    bolero::check!().for_each(|bytes: &[u8]| {
        for front in [b"".as_slice(), b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"] {
            let whole = [front, bytes].concat();
            let mut inspected = inspector();
            let fed = feed(&mut inspected, [&*whole]);
            assert!(fed.passed <= whole.len());
            assert_eq!(feed(&mut inspector(), whole.chunks(2)), fed);
            assert!(fed.refusal.is_none() || inspected.end().is_err());
        }
    });
}
