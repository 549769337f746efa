//! A hyper client that reads through an inspector.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

use std::error::Error;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use karez_framing::{Inspected, Malformed, Reason, RequestFacts, ResponseHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A client, its inspection and the backend's end.
async fn connect() -> (SendRequest<Empty<Bytes>>, ResponseHandle, DuplexStream) {
    let (client, backend) = duplex(64 * 1024);
    let (io, handle) = Inspected::client(client);
    let (sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    (sender, handle, backend)
}

/// Sends a GET that the backend answers with `answer`. Returns the status and the body.
async fn exchange(
    sender: &mut SendRequest<Empty<Bytes>>,
    handle: &ResponseHandle,
    backend: &mut DuplexStream,
    answer: &[u8],
) -> Result<(StatusCode, Bytes), hyper::Error> {
    let request = Request::get("/").header("host", "a").body(Empty::new()).unwrap();
    handle.expect(RequestFacts::of(request.method(), request.headers()));
    let answering = async {
        let mut head = [0; 1024];
        if backend.read(&mut head).await.unwrap() > 0 {
            backend.write_all(answer).await.unwrap();
        }
    };
    let (response, ()) = tokio::join!(sender.send_request(request), answering);
    let response = response?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

fn reason(error: &hyper::Error) -> Option<Reason> {
    let io = error.source()?.downcast_ref::<std::io::Error>()?;
    Some(io.get_ref()?.downcast_ref::<Malformed>()?.reason)
}

#[tokio::test]
async fn answers_pass_one_after_another() {
    let (mut sender, handle, mut backend) = connect().await;
    let answers: [(&[u8], u16, &[u8]); 3] = [
        (b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, b"ab"),
        (b"HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 404, b"a"),
        (b"HTTP/1.1 204 x\r\n\r\n", 204, b""),
    ];
    for (answer, status, body) in answers {
        let received = exchange(&mut sender, &handle, &mut backend, answer).await.unwrap();
        assert_eq!((received.0.as_u16(), &*received.1), (status, body));
        assert!(handle.is_reusable());
    }
    assert_eq!(handle.violation(), None);
}

#[tokio::test]
async fn a_malformed_answer_fails_the_exchange() {
    let table: [(&[u8], Reason); 5] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Reason::LengthAndChunked,
        ),
        (b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", Reason::UnaskedUpgrade),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", Reason::Fold),
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", Reason::BareLf),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", Reason::ChunkSize),
    ];
    for (answer, expected) in table {
        let (mut sender, handle, mut backend) = connect().await;
        let error = exchange(&mut sender, &handle, &mut backend, answer).await.unwrap_err();
        let violation = handle.violation().unwrap();
        assert_eq!((violation.reason, violation.status()), (expected, StatusCode::BAD_GATEWAY));
        assert_eq!(reason(&error), Some(expected), "{error:?}");
        assert!(!handle.is_reusable());
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_end_the_connection() {
    let poison =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (mut sender, handle, mut backend) = connect().await;
    let (status, body) = exchange(&mut sender, &handle, &mut backend, poison).await.unwrap();
    assert_eq!((status, &*body), (StatusCode::OK, b"ab".as_slice()), "the answer itself is whole");
    assert!(!handle.is_reusable());
    assert_eq!(handle.violation().map(|violation| violation.reason), Some(Reason::Unsolicited));
    assert!(
        exchange(&mut sender, &handle, &mut backend, b"").await.is_err(),
        "no request gets the other answer"
    );
}

#[tokio::test]
async fn an_answer_cut_short_is_no_answer() {
    let table: [(&[u8], Option<Reason>); 3] = [
        (b"", None),
        (b"HTTP/1.1 200 OK\r\nConten", Some(Reason::Truncated)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Some(Reason::Truncated)),
    ];
    for (answer, expected) in table {
        let (mut sender, handle, mut backend) = connect().await;
        let ends = async move {
            let mut head = [0; 1024];
            assert!(backend.read(&mut head).await.unwrap() > 0);
            backend.write_all(answer).await.unwrap();
        };
        let request = Request::get("/").header("host", "a").body(Empty::new()).unwrap();
        handle.expect(RequestFacts::default());
        let (response, ()) = tokio::join!(sender.send_request(request), ends);
        let failure = match response {
            Ok(response) => response.into_body().collect().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(handle.violation().map(|violation| violation.reason), expected, "{failure:?}");
    }
}
