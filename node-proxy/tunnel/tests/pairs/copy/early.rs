//! Servers that answer early and close while the client still sends: the whole answer arrives.

use std::io::ErrorKind;

use bytes::Bytes;
use karez_tunnel::ResetReason;
use karez_tunnel::copy::{CopyError, End};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::{Copied, Path, broken_end, carry, path, relay};
use crate::endpoints::{local, pair, sockets, stream};

const ANSWER: &[u8] = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge";
/// More than fits between the two.
const UPLOAD: usize = 4 << 20;

/// The second task returns how the client's copy ended.
async fn way(number: usize) -> (TcpStream, TcpStream, JoinHandle<Copied>) {
    if number.is_multiple_of(2) {
        let Path { client, server, near, .. } = path().await;
        return (client, server, near);
    }
    let ((client, near), (far, server)) = (sockets().await, sockets().await);
    (client, server, spawn_local(relay(near, far)))
}

/// Sends an upload, ignoring errors, then reads: the bytes, and whether they ended cleanly.
async fn upload(mut client: TcpStream) -> (Vec<u8>, bool) {
    let sent = client.write_all(&vec![7; UPLOAD]).await;
    let mut seen = Vec::new();
    let read = client.read_to_end(&mut seen).await;
    (seen, sent.is_ok() && read.is_ok())
}

#[tokio::test]
async fn an_answer_arrives_whole_before_the_reset_of_a_server_that_closes_with_much_unread() {
    local(async {
        for number in 0..40 {
            let (client, mut server, copied) = way(number).await;
            let uploaded = spawn_local(upload(client));
            server.read_exact(&mut [0; 1_000]).await.unwrap();
            server.write_all(ANSWER).await.unwrap();
            // Unread bytes make the kernel send RST.
            server.readable().await.unwrap();
            drop(server);
            let (seen, is_good_end) = uploaded.await.unwrap();
            assert_eq!(seen, ANSWER, "number {number}");
            assert!(!is_good_end, "number {number}: a cut must not look like an end");
            assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
        }
    })
    .await;
}

/// As nginx does, which reads on for a while (`lingering_close`).
#[tokio::test]
async fn an_answer_that_was_finished_arrives_as_finished_although_its_server_is_reset_later() {
    local(async {
        for number in 0..20 {
            let (mut client, mut server, copied) = way(number).await;
            client.write_all(b"the beginning of an upload").await.unwrap();
            server.read_exact(&mut [0; 10]).await.unwrap();
            server.write_all(ANSWER).await.unwrap();
            server.shutdown().await.unwrap();
            let mut seen = Vec::new();
            client.read_to_end(&mut seen).await.unwrap();
            assert_eq!(seen, ANSWER);
            drop(server);
            // Until the RST arrives.
            while client.write_all(&[7; 1024]).await.is_ok() {}
            let copied = copied.await.unwrap();
            // A stream's peer wants no more; a socket's peer reset it.
            assert!(matches!(copied.0, Ok(()) | Err(CopyError::Broken { end: End::Far, .. })), "{copied:?}");
        }
    })
    .await;
}

/// The answer exceeds the client's socket buffer, and the client reads nothing before it has sent all.
#[tokio::test]
async fn a_large_answer_before_a_reset_of_the_stream_arrives_at_a_client_that_is_still_sending() {
    local(async {
        let (client_end, mut server_end) = pair().await;
        let (near, far) = stream(&client_end, &mut server_end).await;
        let (client, socket) = sockets().await;
        let copied = spawn_local(carry(socket, near));
        let uploaded = spawn_local(upload(client));
        let (mut reader, mut writer) = far.split();
        reader.data().await.unwrap().unwrap();
        let answer: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
        writer.send_all(Bytes::from(answer.clone())).await.unwrap();
        writer.flushed().await;
        writer.reset(ResetReason::CANCEL);
        let (seen, is_good_end) = uploaded.await.unwrap();
        assert!(seen == answer, "{} bytes", seen.len());
        assert!(!is_good_end);
        assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
    })
    .await;
}

/// A killed client's last bytes arrive too.
#[tokio::test]
async fn what_a_client_sent_before_it_was_reset_arrives_before_the_reset() {
    local(async {
        for number in 0..20 {
            let (mut client, mut server, copied) = way(number).await;
            client.write_all(&[7; 100_000]).await.unwrap();
            super::cut(client);
            let mut seen = Vec::new();
            let error = server.read_to_end(&mut seen).await.unwrap_err();
            assert_eq!((error.kind(), seen.len()), (ErrorKind::ConnectionReset, 100_000), "number {number}");
            assert_eq!(broken_end(&copied.await.unwrap()), End::Near);
        }
    })
    .await;
}
