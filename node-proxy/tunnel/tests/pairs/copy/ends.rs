//! Sides that finish: one after the other, without error, or never.

use karez_tunnel::ResetReason;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::copy::{self, CopyError, Counters};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use tokio::time::{Instant, advance};

use super::{PATIENCE, Path, assert_cut, carry, path};
use crate::endpoints::{local, pair, send, sockets, stream};

#[tokio::test]
async fn bytes_and_ends_pass_in_both_orders() {
    local(async {
        for client_first in [true, false] {
            let Path { client, server, near, far } = path().await;
            let (mut first, mut second) = if client_first { (client, server) } else { (server, client) };
            first.write_all(b"question").await.unwrap();
            first.shutdown().await.unwrap();
            let mut seen = Vec::new();
            second.read_to_end(&mut seen).await.unwrap();
            assert_eq!(seen, b"question");
            second.write_all(b"the answer").await.unwrap();
            second.shutdown().await.unwrap();
            seen.clear();
            first.read_to_end(&mut seen).await.unwrap();
            assert_eq!(seen, b"the answer");

            let (near, far) = (near.await.unwrap(), far.await.unwrap());
            near.0.unwrap();
            far.0.unwrap();
            assert_eq!((near.1 + near.2, near.1, near.2), (18, far.2, far.1));
        }
    })
    .await;
}

/// RFC 9113 section 8.1: the peer has sent everything and wants no more.
#[tokio::test]
async fn a_reset_without_error_is_an_end() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        let (mut application, socket) = sockets().await;
        let copied = spawn_local(carry(socket, near));
        let (_reader, mut writer) = far.split();
        send(&mut writer, b"all of it").await;
        writer.finish().unwrap();
        let mut seen = Vec::new();
        application.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"all of it");
        writer.reset(ResetReason::NO_ERROR);
        copied.await.unwrap().0.unwrap();
    })
    .await;
}

#[tokio::test]
async fn half_closed_and_silent_is_given_up_but_half_closed_and_busy_is_not() {
    local(async {
        let Path { mut client, mut server, near, far } = path().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 16]).await.unwrap(), 0);
        tokio::time::pause();
        let begun = Instant::now();
        for _ in 0..5 {
            advance(PATIENCE / 2).await;
            server.write_all(b"x").await.unwrap();
            client.read_exact(&mut [0; 1]).await.unwrap();
        }
        assert!(begun.elapsed() > PATIENCE * 2);
        assert!(!near.is_finished());
        let (near, _, _) = near.await.unwrap();
        tokio::time::resume();
        assert_cut(&mut client).await;
        let (far, _, _) = far.await.unwrap();
        // Both copies have a timer of the same length: whichever is over first resets the other.
        let ended = [near, far];
        assert!(ended.iter().any(|ended| matches!(ended, Err(CopyError::HalfCloseTimeout))), "{ended:?}");
        assert!(ended.iter().all(Result::is_err), "{ended:?}");
    })
    .await;
}

#[tokio::test]
async fn an_idle_copy_holds_no_buffer() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, mut far) = {
            let (near, far) = stream(&client, &mut server).await;
            (near, far.split())
        };
        let (mut application, socket) = sockets().await;
        let buffers = BufferPool::default();
        let pool = buffers.clone();
        spawn_local(async move {
            let counters = Counters::default();
            copy::between(&socket, near, &counters, PATIENCE, &pool).await.ok();
        });
        application.write_all(b"hello").await.unwrap();
        assert_eq!(far.0.data().await.unwrap().unwrap(), "hello");
        assert_eq!(buffers.kept(), 16 * 1024, "the one that was used has come back");
        buffers.trim();
        buffers.trim();
        assert_eq!(buffers.kept(), 0);
    })
    .await;
}
