//! Streams as bytes that other protocols read and write.

use std::io::ErrorKind;

use karez_tunnel::ResetReason;
use karez_tunnel::settings::Http2;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;

use crate::endpoints::{account, local, pair, pair_with, send, stream};

/// More than every window together, in an order that shows a piece lost or doubled.
fn payload() -> Vec<u8> {
    (0u32..2_000_000).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn bytes_pass_whole_through_small_windows_and_ends_one_by_one() {
    local(async {
        let small = Http2 { stream_window: 64 * 1024, stream_window_limit: 64 * 1024, ..Http2::server() };
        let (client, mut server) = pair_with(&Http2::client(), &small, &account(), &account()).await;
        let (near, mut far) = stream(&client, &mut server).await;
        let (mut reader, mut writer) = tokio::io::split(near);
        let sent = spawn_local(async move {
            writer.write_all(&payload()).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut seen = Vec::new();
        far.read_to_end(&mut seen).await.unwrap();
        assert!(seen == payload());
        sent.await.unwrap();
        far.write_all(b"the answer").await.unwrap();
        far.shutdown().await.unwrap();
        let mut answer = String::new();
        reader.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "the answer");
    })
    .await;
}

#[tokio::test]
async fn bytes_before_a_reset_are_read_before_it() {
    local(async {
        let (client, mut server) = pair().await;
        let (mut near, far) = stream(&client, &mut server).await;
        let (_reader, mut writer) = far.split();
        send(&mut writer, b"and then").await;
        writer.flushed().await;
        writer.reset(ResetReason::CANCEL);
        let mut seen = Vec::new();
        let error = near.read_to_end(&mut seen).await.unwrap_err();
        assert_eq!((seen.as_slice(), error.kind()), (b"and then".as_slice(), ErrorKind::ConnectionReset));
        assert_eq!(near.write_all(b"late").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    })
    .await;
}

/// A server may answer early and drop the rest of the request, as RFC 9113 section 8.1 has it.
#[tokio::test]
async fn who_still_writes_comes_to_read_an_early_answer() {
    local(async {
        let (client, mut server) = pair().await;
        let (mut near, mut far) = stream(&client, &mut server).await;
        far.write_all(b"no").await.unwrap();
        far.shutdown().await.unwrap();
        drop(far);
        near.write_all(&payload()).await.unwrap();
        near.shutdown().await.unwrap();
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "no");
    })
    .await;
}

/// Whoever shuts down and drops a stream has sent all of it.
#[tokio::test]
async fn what_was_written_before_a_shutdown_arrives() {
    local(async {
        let (client, mut server) = pair().await;
        let (mut near, mut far) = stream(&client, &mut server).await;
        let sent = spawn_local(async move {
            far.write_all(&payload()).await.unwrap();
            far.shutdown().await.unwrap();
            far.shutdown().await.unwrap();
        });
        near.shutdown().await.unwrap();
        let mut seen = Vec::new();
        near.read_to_end(&mut seen).await.unwrap();
        assert!(seen == payload());
        sent.await.unwrap();
    })
    .await;
}

/// Otherwise its application would take a cut for an end.
#[tokio::test]
async fn a_stream_that_is_dropped_is_reset() {
    local(async {
        let (client, mut server) = pair().await;
        let (mut near, far) = stream(&client, &mut server).await;
        near.write_all(b"half a request").await.unwrap();
        drop(far);
        let error = near.read(&mut [0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    })
    .await;
}
