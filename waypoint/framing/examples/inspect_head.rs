//! What it costs to judge a head: `cargo run --release -p karez-framing --example inspect_head`.
#![allow(clippy::print_stdout, reason = "it prints its result")]

use std::hint::black_box;
use std::time::Instant;

use karez_framing::{Inspector, RequestFacts, RequestInspector, ResponseInspector};

const ROUNDS: u32 = 1_000_000;

const REQUEST: &[u8] = b"GET /api/v1/reviews/42?page=3&sort=date HTTP/1.1\r\n\
    Host: reviews.shop.svc.cluster.local:9080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    X-Request-Id: 7c9e6679-7425-40de-944b-e07fc1f90ae7\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
    Cache-Control: no-cache\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Tue, 01 Dec 2026 00:00:00 GMT\r\n\
    Server: nginx/1.29.0\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 0\r\n\
    Connection: keep-alive\r\n\
    Vary: Accept-Encoding\r\n\
    ETag: \"0123456789abcdef\"\r\n\
    Cache-Control: private, max-age=0\r\n\
    X-Request-Id: 7c9e6679-7425-40de-944b-e07fc1f90ae7\r\n\
    X-Content-Type-Options: nosniff\r\n\r\n";

fn main() {
    let mut requests = RequestInspector::new();
    report("request", REQUEST, || requests.inspect(black_box(REQUEST)).map(|verdict| verdict.passed));
    let mut responses = ResponseInspector::new();
    report("response", RESPONSE, || {
        responses.expect(RequestFacts::default());
        responses.inspect(black_box(RESPONSE)).map(|verdict| verdict.passed)
    });
}

/// Prints the best of five runs: what disturbs a run only makes it slower.
fn report<E>(name: &str, head: &[u8], mut judge: impl FnMut() -> Result<usize, E>) {
    let run = |_| {
        let started = Instant::now();
        for _ in 0..ROUNDS {
            black_box(judge().ok());
        }
        started.elapsed()
    };
    let best = (0..5).map(run).min().unwrap_or_default();
    println!("{name} head of {} bytes: {} ns", head.len(), best.as_nanos() / u128::from(ROUNDS));
}
