//! Streams against streams.

use karez_tunnel::Stream;
use karez_tunnel::copy::{self, CopyError, Counters, End};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinHandle, spawn_local};

use super::{Copied, PATIENCE, broken_end};
use crate::endpoints::{Client, Server, local, pair, stream};

/// client - tunnel - copy - tunnel - server
struct Middle {
    client: Stream,
    server: Stream,
    copied: JoinHandle<Copied>,
    _connections: [(Client, Server); 2],
}

async fn middle() -> Middle {
    let (mut before, mut after) = (pair().await, pair().await);
    let (client, near) = stream(&before.0, &mut before.1).await;
    let (far, server) = stream(&after.0, &mut after.1).await;
    let copied = spawn_local(async move {
        let counters = Counters::default();
        let ended = copy::streams(near, far, &counters, PATIENCE).await;
        (ended, counters.sent(), counters.received())
    });
    Middle { client, server, copied, _connections: [before, after] }
}

#[tokio::test]
async fn bytes_and_ends_pass_in_both_orders() {
    local(async {
        for client_first in [true, false] {
            let Middle { client, server, copied, _connections } = middle().await;
            let (mut first, mut second) = if client_first { (client, server) } else { (server, client) };
            let question = vec![7; 3_000_000];
            let asked = spawn_local(async move {
                first.write_all(&question).await.unwrap();
                first.shutdown().await.unwrap();
                first
            });
            let mut seen = Vec::new();
            second.read_to_end(&mut seen).await.unwrap();
            assert_eq!(seen.len(), 3_000_000);
            let mut first = asked.await.unwrap();
            second.write_all(b"the answer").await.unwrap();
            second.shutdown().await.unwrap();
            seen.clear();
            first.read_to_end(&mut seen).await.unwrap();
            assert_eq!(seen, b"the answer");
            let (ended, sent, received) = copied.await.unwrap();
            ended.unwrap();
            let expected = if client_first { (3_000_000, 10) } else { (10, 3_000_000) };
            assert_eq!((sent, received), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_reset_passes_behind_the_bytes_before_it() {
    local(async {
        for client_cuts in [true, false] {
            let Middle { client, server, copied, _connections } = middle().await;
            let (mut cutting, mut other) = if client_cuts { (client, server) } else { (server, client) };
            cutting.write_all(b"and then").await.unwrap();
            let mut seen = [0; 8];
            other.read_exact(&mut seen).await.unwrap();
            drop(cutting);
            other.read(&mut [0; 16]).await.unwrap_err();
            let expected = if client_cuts { End::Near } else { End::Far };
            assert_eq!(broken_end(&copied.await.unwrap()), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn half_closed_and_silent_is_given_up() {
    local(async {
        let Middle { mut client, server: _silent, copied, _connections } = middle().await;
        tokio::time::pause();
        client.shutdown().await.unwrap();
        let (ended, ..) = copied.await.unwrap();
        assert!(matches!(ended, Err(CopyError::HalfCloseTimeout)), "{ended:?}");
    })
    .await;
}
