//! A hyper server that reads through an inspector.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use karez_framing::{Inspected, MAX_HEADERS, Malformed, Reason, RequestHandle, RequestInspector};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

type Io = TokioIo<Inspected<DuplexStream, RequestInspector>>;

/// What a service does with its requests.
#[derive(Clone)]
struct Service {
    handle: RequestHandle,
    /// One permit for each answer.
    permits: Arc<Semaphore>,
    /// Why bodies failed.
    failures: Arc<Mutex<Vec<Reason>>>,
}

impl Service {
    /// Answers with the path and the body; to `/switch` with 101 and an echo; to `/close` as the last request.
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        self.permits.acquire().await.unwrap().forget();
        let path = request.uri().path().to_owned();
        if path == "/switch" {
            assert!(self.handle.switch_protocols());
            tokio::spawn(echo(hyper::upgrade::on(&mut request)));
            let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            return Ok(switching.body(Full::default()).unwrap());
        }
        let mut answer = Response::builder();
        if path == "/close" {
            answer = answer.header("connection", "close");
        }
        Ok(match request.into_body().collect().await {
            Ok(body) => answer.body(Full::from([path.as_bytes(), &body.to_bytes()].concat())),
            Err(error) => {
                let reason = reason(&error);
                self.failures.lock().unwrap().extend(reason);
                assert_eq!(self.handle.violation().map(|malformed| malformed.reason), reason);
                answer.status(StatusCode::BAD_REQUEST).body(Full::default())
            }
        }
        .unwrap())
    }
}

fn reason(error: &(dyn Error + 'static)) -> Option<Reason> {
    let mut source = Some(error);
    while let Some(error) = source {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(malformed) = inner.and_then(|inner| inner.downcast_ref::<Malformed>()) {
            return Some(malformed.reason);
        }
        source = error.source();
    }
    None
}

/// Sends back what comes on the connection below, with all that was read before.
async fn echo(upgrade: hyper::upgrade::OnUpgrade) {
    let parts = upgrade.await.unwrap().downcast::<Io>().unwrap();
    let (mut io, held) = parts.io.into_inner().into_parts();
    io.write_all(&parts.read_buf).await.unwrap();
    io.write_all(&held).await.unwrap();
    let (mut read, mut write) = tokio::io::split(io);
    tokio::io::copy(&mut read, &mut write).await.unwrap();
    write.shutdown().await.unwrap();
}

/// A client's end, and the service.
fn serve() -> (DuplexStream, Service) {
    let (client, server) = duplex(64 * 1024);
    let (io, handle) = Inspected::server(server, Malformed::answer);
    let service = Service { handle, permits: Arc::new(Semaphore::new(0)), failures: Arc::default() };
    let answering = service.clone();
    let mut builder = http1::Builder::new();
    builder.half_close(true).max_headers(MAX_HEADERS).max_buf_size(128 * 1024);
    let connection = builder
        .serve_connection(TokioIo::new(io), service_fn(move |request| answering.clone().answer(request)));
    tokio::spawn(connection.with_upgrades());
    (client, service)
}

/// Sends `bytes` and no more. Returns the statuses and the last bytes of what comes until the server ends it.
async fn exchange(bytes: &[u8]) -> (Vec<u16>, Vec<u8>, Service) {
    let (mut client, service) = serve();
    service.permits.add_permits(100);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    (statuses(&received), received, service)
}

fn statuses(received: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(received);
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
}

fn violation(service: &Service) -> Option<Reason> {
    service.handle.violation().map(|malformed| malformed.reason)
}

const GET: &[u8] = b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n";
const TWO_HOSTS: &[u8] = b"GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
const SWITCH: &[u8] = b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const DECLINED: &[u8] = b"GET /stay HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn requests_and_bodies_pass() {
    let bytes = [
        GET,
        b"PUT /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        GET,
    ]
    .concat();
    let (statuses, received, service) = exchange(&bytes).await;
    assert_eq!(statuses, [200, 200, 200]);
    assert!(String::from_utf8_lossy(&received).contains("/putabc"));
    assert_eq!(violation(&service), None);
}

#[tokio::test]
async fn a_refused_head_is_answered_behind_all_before_it() {
    let (statuses, received, service) = exchange(&[GET, GET, TWO_HOSTS, GET].concat()).await;
    assert_eq!(statuses, [200, 200, 400]);
    assert!(received.ends_with(b"malformed HTTP/1 request: more than one Host header\n"));
    assert_eq!(violation(&service), Some(Reason::TwoHosts));
    let (statuses, ..) = exchange(TWO_HOSTS).await;
    assert_eq!(statuses, [400], "the first one");
}

#[tokio::test]
async fn a_refused_head_waits_for_an_answer_that_is_outstanding() {
    let (mut client, service) = serve();
    client.write_all(GET).await.unwrap();
    client.write_all(TWO_HOSTS).await.unwrap();
    service.permits.add_permits(1);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(statuses(&received), [200, 400]);
}

#[tokio::test]
async fn nothing_follows_the_last_answer() {
    let close = b"GET /close HTTP/1.1\r\nHost: a\r\n\r\n";
    let (statuses, ..) = exchange(&[close, TWO_HOSTS].concat()).await;
    assert_eq!(statuses, [200]);
}

#[tokio::test]
async fn a_violation_within_a_body_fails_the_body() {
    let head = b"PUT /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (statuses, _, service) = exchange(&[GET, head, b"3\r\nabc\r\n0x3\r\n", GET].concat()).await;
    assert_eq!(statuses, [200, 400]);
    assert_eq!(*service.failures.lock().unwrap(), [Reason::ChunkSize]);
    let (statuses, _, service) = exchange(&[head.as_slice(), b"0\r\nHost: b\r\n\r\n", GET].concat()).await;
    assert_eq!(statuses, [400]);
    assert_eq!(*service.failures.lock().unwrap(), [Reason::ForbiddenTrailer]);
    let (statuses, _, service) = exchange(&[head.as_slice(), b"3\r\nab"].concat()).await;
    assert_eq!(statuses, [400]);
    assert_eq!(*service.failures.lock().unwrap(), [Reason::Truncated]);
}

#[tokio::test]
async fn an_end_within_a_head_is_answered() {
    let (statuses, _, service) = exchange(&[GET, b"GET / HT"].concat()).await;
    assert_eq!((statuses, violation(&service)), (vec![200, 400], Some(Reason::Truncated)));
    let (statuses, _, service) = exchange(&[GET, b"\r\n"].concat()).await;
    assert_eq!((statuses, violation(&service)), (vec![200], None));
}

#[tokio::test]
async fn an_end_behind_a_request_is_no_cancellation() {
    let (mut client, service) = serve();
    client.write_all(GET).await.unwrap();
    client.shutdown().await.unwrap();
    tokio::task::yield_now().await;
    service.permits.add_permits(1);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(statuses(&received), [200]);
}

#[tokio::test]
async fn a_reset_cancels_the_request() {
    /// Tells that its future is gone.
    struct Cancelled(Arc<Semaphore>);
    impl Drop for Cancelled {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (io, _handle) = Inspected::server(server, Malformed::answer);
    let (started, cancelled) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell_started, tell_cancelled) = (started.clone(), cancelled.clone());
    let service = service_fn(move |_| {
        let guard = Cancelled(tell_cancelled.clone());
        tell_started.add_permits(1);
        async move {
            let _guard = guard;
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
        }
    });
    let connection = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(io), service);
    let served = tokio::spawn(connection);
    client.write_all(GET).await.unwrap();
    started.acquire().await.unwrap().forget();
    client.set_zero_linger().unwrap();
    drop(client);
    cancelled.acquire().await.unwrap().forget();
    assert!(served.await.unwrap().is_err());
}

#[tokio::test]
async fn another_protocol_passes_behind_101_alone() {
    let (statuses, received, _) = exchange(&[SWITCH, b"\0early\n"].concat()).await;
    assert_eq!(statuses, [101]);
    assert!(received.ends_with(b"\r\n\r\n\0early\n"));

    let (statuses, ..) = exchange(&[DECLINED, GET].concat()).await;
    assert_eq!(statuses, [200, 200]);
    let (statuses, ..) = exchange(&[DECLINED, b"\0early\n"].concat()).await;
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_client_of_http2_is_told_so_in_its_own_frames() {
    let (_, received, _) = exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let (mut client, server) = duplex(1024);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(server)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/").body(Full::<Bytes>::default()).unwrap();
    let answering = async {
        // The preface and SETTINGS come alone, the request's HEADERS behind them.
        let mut sent = Vec::new();
        while !sent.windows(4).any(|frame| frame == [1, 5, 0, 0]) {
            client.read_buf(&mut sent).await.unwrap();
        }
        client.write_all(&received).await.unwrap();
    };
    let (answer, ()) = tokio::join!(sender.send_request(request), answering);
    let error = answer.unwrap_err();
    assert!(format!("{error:?}").contains("HTTP_1_1_REQUIRED"), "{error:?}");
}

#[tokio::test]
async fn the_largest_head_passes_in_small_reads() {
    let mut head = b"GET /get HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    head.resize(karez_framing::MAX_HEAD - 4, b'x');
    head.extend_from_slice(b"\r\n\r\n");
    let (mut client, service) = serve();
    service.permits.add_permits(2);
    for part in [&*head, GET].concat().chunks(1000) {
        client.write_all(part).await.unwrap();
        tokio::task::yield_now().await;
    }
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(statuses(&received), [200, 200]);
}
