//! Sides that break: the other side learns of it, whatever is in the way.

use std::time::Duration;

use bytes::Bytes;
use karez_tunnel::ResetReason;
use karez_tunnel::copy::{CopyError, End};
use karez_tunnel::settings::Http2;
use karez_tunnel::window::{Budget, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::Instant;

use super::{Path, assert_cut, broken_end, carry, cut, path, relay};
use crate::endpoints::{account, local, pair, pair_with, send, sockets, stream};

#[tokio::test]
async fn a_reset_passes_from_end_to_end() {
    local(async {
        for client_cuts in [true, false] {
            let Path { client, server, near, far } = path().await;
            let (cutting, mut other) = if client_cuts { (client, server) } else { (server, client) };
            cut(cutting);
            assert_cut(&mut other).await;
            let (near, far) = (near.await.unwrap(), far.await.unwrap());
            let expected = if client_cuts { (End::Near, End::Far) } else { (End::Far, End::Near) };
            assert_eq!((broken_end(&near), broken_end(&far)), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_reset_after_one_end_passes_too() {
    local(async {
        let Path { mut client, mut server, near, far } = path().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 16]).await.unwrap(), 0);
        cut(server);
        assert_cut(&mut client).await;
        assert_eq!(broken_end(&near.await.unwrap()), End::Far);
        assert_eq!(broken_end(&far.await.unwrap()), End::Near);
    })
    .await;
}

#[tokio::test]
async fn a_reset_passes_where_nothing_else_does() {
    local(async {
        let Path { client, server: _reads_nothing, near, far } = path().await;
        fill(&client).await;
        cut(client);
        // The other side takes nothing for as long as it is given.
        tokio::time::pause();
        assert_eq!(broken_end(&near.await.unwrap()), End::Near);
        assert_eq!(broken_end(&far.await.unwrap()), End::Far);
    })
    .await;
}

#[tokio::test]
async fn a_reset_passes_between_sockets_where_nothing_else_does() {
    local(async {
        let ((client, near), (far, _reads_nothing)) = (sockets().await, sockets().await);
        let relayed = spawn_local(relay(near, far));
        fill(&client).await;
        cut(client);
        tokio::time::pause();
        assert_eq!(broken_end(&relayed.await.unwrap()), End::Near);
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_is_dropped_cuts_both_ends() {
    local(async {
        let Path { mut client, mut server, near, far: _far } = path().await;
        client.write_all(b"begun").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        near.abort();
        assert_cut(&mut client).await;
        assert_cut(&mut server).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_reset_cuts_the_socket() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        let (mut application, socket) = sockets().await;
        let copied = spawn_local(carry(socket, far));
        let (_reader, mut writer) = near.split();
        send(&mut writer, b"something first").await;
        application.read_exact(&mut [0; 15]).await.unwrap();
        writer.reset(ResetReason::CANCEL);
        assert_cut(&mut application).await;
        assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
    })
    .await;
}

#[tokio::test]
async fn what_is_unread_is_bounded_and_the_application_sees_a_cut() {
    local(async {
        let pod = Budget::new(Limits { total: 1 << 20, share: 64 << 10 }).account();
        let (client, mut server) = pair_with(&Http2::client(), &Http2::server(), &account(), &pod).await;
        let (near, far) = stream(&client, &mut server).await;
        let (mut application, socket) = sockets().await;
        let copied = spawn_local(carry(socket, far));
        let (_reader, mut writer) = near.split();
        let sent = async {
            // More than the kernel's buffers on loopback.
            for _ in 0..1_000 {
                writer.send_all(Bytes::from(vec![1; 64 << 10])).await?;
            }
            Ok::<(), karez_tunnel::StreamError>(())
        };
        let error = sent.await.unwrap_err();
        assert!(error.to_string().contains("reset"), "{error}");
        assert!(matches!(copied.await.unwrap().0, Err(CopyError::UnreadBytes)));
        assert_eq!(pod.held(), 0);
        assert_cut(&mut application).await;
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_that_dies_cuts_the_socket() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        let (mut application, socket) = sockets().await;
        let copied = spawn_local(carry(socket, near));
        let mut far = far.split();
        application.write_all(b"hello").await.unwrap();
        far.0.data().await.unwrap();
        server.ended.abort();
        assert_cut(&mut application).await;
        assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_that_the_mesh_ends_is_told_from_one_that_broke() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, _far) = stream(&client, &mut server).await;
        let (mut application, socket) = sockets().await;
        let copied = spawn_local(carry(socket, near));
        client.connection.abort();
        assert_cut(&mut application).await;
        assert!(matches!(copied.await.unwrap().0, Err(CopyError::Aborted)));
    })
    .await;
}

/// Writes until nothing more is taken: all buffers in between are full.
async fn fill(socket: &TcpStream) {
    const BLOCK: &[u8] = &[7; 64 * 1024];
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(300) {
        match socket.try_write(BLOCK) {
            Ok(_) => last = Instant::now(),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
