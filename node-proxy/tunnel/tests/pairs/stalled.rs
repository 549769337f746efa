//! Unread streams: they slow no other stream, and are bounded.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use karez_tunnel::settings::Http2;
use karez_tunnel::stream::Reader;
use karez_tunnel::window::{Budget, Limits};
use karez_tunnel::{Stream, StreamError};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, timeout};

use crate::endpoints::{Client, Server, account, link, local, pair, pair_with, sockets, stream};

const STALLED: usize = 99;
const MOVED: usize = 10 << 20;

/// Sends until the window is shut, then waits.
fn fill(stream: Stream) {
    spawn_local(async move {
        let (_unused, mut writer) = stream.split();
        loop {
            let chunk = Bytes::from(vec![7; 64 * 1024]);
            if writer.send_all(chunk).await.is_err() {
                return;
            }
        }
    });
}

/// Leaves bytes unread until the stream is evicted.
async fn stall(reader: &mut Reader) -> StreamError {
    poll_fn(|cx| {
        let parked = reader.poll_pull(cx).and_then(|()| reader.park(cx));
        parked.map_or_else(Poll::Ready, |()| Poll::Pending)
    })
    .await
}

/// A stream that nothing holds up takes far less.
async fn within<R>(moving: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(10), moving).await.expect("stalled streams must not slow another")
}

/// 99 streams that are never read, and one that must move 10 MiB.
async fn one_moves_beside_99_stalled<Io>(near: Io, far: Io)
where
    Io: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let plenty = Budget::new(Limits { total: usize::MAX / 4, share: usize::MAX / 4 }).account();
    let mut server = Server::spawn(far, Http2::server(), plenty);
    let client = Client::spawn(near, &Http2::client(), &account()).await;
    let mut held = Vec::new();
    for _ in 0..STALLED {
        let (near, far) = stream(&client, &mut server).await;
        fill(near);
        held.push(far);
    }
    assert_moves(&client, &mut server).await;
}

/// One more stream of the connection moves 10 MiB.
async fn assert_moves(client: &Client, server: &mut Server) {
    let (near, far) = stream(client, server).await;
    let (_unused, mut writer) = near.split();
    let (mut reader, _unanswered) = far.split();
    spawn_local(async move {
        for _ in 0..MOVED / (64 * 1024) {
            writer.send_all(Bytes::from(vec![9; 64 * 1024])).await.unwrap();
        }
        writer.finish().unwrap();
    });
    let mut moved = 0;
    let all = async {
        while let Some(data) = reader.data().await.unwrap() {
            moved += data.len();
        }
    };
    within(all).await;
    assert_eq!(moved, MOVED);
}

#[tokio::test]
async fn one_moves_beside_99_stalled_in_memory() {
    local(async {
        let (near, far) = duplex(256 * 1024);
        one_moves_beside_99_stalled(near, far).await;
    })
    .await;
}

#[tokio::test]
async fn one_moves_beside_99_stalled_over_tcp() {
    local(async {
        let (near, far) = sockets().await;
        one_moves_beside_99_stalled(near, far).await;
    })
    .await;
}

/// Streams that ended on both sides no longer count as open, so any number may hold unread bytes.
#[tokio::test]
async fn ended_streams_that_nobody_has_read_use_up_no_window() {
    local(async {
        let (client, mut server) = pair().await;
        let mut held = Vec::new();
        for _ in 0..250 {
            let (near, far) = within(stream(&client, &mut server)).await;
            let ((mut empty, mut writer), (mut reader, mut nothing)) = (near.split(), far.split());
            within(writer.send_all(Bytes::from(vec![5; 256 << 10]))).await.unwrap();
            writer.finish().unwrap();
            nothing.finish().unwrap();
            assert!(empty.data().await.unwrap().is_none());
            while reader.unread() < 256 << 10 {
                poll_fn(|cx| Poll::Ready(reader.poll_pull(cx))).await.unwrap();
                tokio::task::yield_now().await;
            }
            held.push(reader);
        }
        assert_moves(&client, &mut server).await;
    })
    .await;
}

#[tokio::test]
async fn the_stream_that_holds_most_of_its_share_is_reset() {
    local(async {
        let budget = Budget::new(Limits { total: 16 << 20, share: 1 << 20 });
        let pod = budget.account();
        let settings = Http2 { stream_window_limit: 256 << 10, ..Http2::server() };
        let (client, mut server) = pair_with(&Http2::client(), &settings, &account(), &pod).await;
        let mut readers = Vec::new();
        // The share holds four windows of 256 KiB; the fifth exceeds it.
        for _ in 0..5 {
            let (near, far) = stream(&client, &mut server).await;
            fill(near);
            readers.push(spawn_local(async move { stall(&mut far.split().0).await }));
        }
        let first = loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if let Some(ended) = readers.iter().position(JoinHandle::is_finished) {
                break readers.swap_remove(ended).await.unwrap();
            }
        };
        assert!(matches!(first, StreamError::UnreadBytes), "{first}");
        assert!(readers.iter().all(|reader| !reader.is_finished()), "one was enough");
        assert!(pod.held() <= 1 << 20 && pod.held() >= 3 << 18, "held: {}", pod.held());
        assert_eq!(budget.held(), pod.held());
        for reader in readers {
            reader.abort();
            reader.await.ok();
        }
        assert_eq!(pod.held(), 0);
    })
    .await;
}

/// One byte a frame: h2 would end the connection if too many waited in its own queue.
#[tokio::test]
async fn a_stalled_stream_of_tiny_frames_ends_nothing() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        let ((_unused, mut tiny), (mut reader, _unanswered)) = (near.split(), far.split());
        let mut pulled = 0;
        while pulled < 200_000 {
            for _ in 0..500 {
                tiny.send_all(Bytes::from_static(b"x")).await.unwrap();
            }
            pulled = poll_fn(|cx| {
                reader.poll_pull(cx).unwrap();
                reader.park(cx).unwrap();
                Poll::Ready(reader.unread())
            })
            .await;
            tokio::task::yield_now().await;
        }
        let mut slices = [std::io::IoSlice::new(&[]); 64];
        let pieces = reader.slices(&mut slices);
        assert!(pieces < 64, "small pieces are joined");
        assert!(client.connection.is_usable());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn windows_grow_for_a_stream_that_they_hold_up() {
    let fixed = Http2 { stream_window_limit: 256 << 10, ..Http2::server() };
    let slow = local(time_over_a_long_way(fixed)).await;
    let fast = local(time_over_a_long_way(Http2::server())).await;
    assert!(slow > Duration::from_millis(1_500), "a window a round trip: {slow:?}");
    assert!(fast < slow / 4, "{fast:?} instead of {slow:?}");
}

/// Time for 20 MiB over a link with a round trip of 20 ms.
async fn time_over_a_long_way(settings: Http2) -> Duration {
    let (near, far) = link(Duration::from_millis(10));
    let mut server = Server::spawn(far, settings, account());
    let client = Client::spawn(near, &Http2::client(), &account()).await;
    let begun = Instant::now();
    transfer(&client, &mut server).await;
    begun.elapsed()
}

/// 20 MiB at full speed.
async fn transfer(client: &Client, server: &mut Server) {
    let (near, far) = stream(client, server).await;
    let ((_unused, mut writer), (mut reader, _unanswered)) = (near.split(), far.split());
    spawn_local(async move {
        writer.send_all(Bytes::from(vec![0; 20 << 20])).await.unwrap();
        writer.finish().unwrap();
    });
    while reader.data().await.unwrap().is_some() {}
}

/// Windows that grew for one stream must not make 99 exceed their Pod's share, which holds them all at first.
#[tokio::test(start_paused = true)]
async fn windows_that_grew_shrink_when_streams_stall_and_none_is_reset() {
    local(async {
        let pod = account();
        let (near, far) = link(Duration::from_millis(10));
        let mut server = Server::spawn(far, Http2::server(), pod.clone());
        let client = Client::spawn(near, &Http2::client(), &account()).await;
        transfer(&client, &mut server).await;
        let stalled = spawn_stalled(&client, &mut server).await;
        let mut most = 0;
        while !stalled.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            most = most.max(pod.held());
        }
        for stream in stalled {
            assert!(stream.await.unwrap(), "a stream was reset");
        }
        assert!((20 << 20..=64 << 20).contains(&most), "{most} bytes were unread");
        assert_eq!(pod.held(), 0);
        transfer(&client, &mut server).await;
    })
    .await;
}

/// 99 streams that are read only after 10 s. Each returns whether more came than any window holds.
async fn spawn_stalled(client: &Client, server: &mut Server) -> Vec<JoinHandle<bool>> {
    const MORE: usize = 5 << 20;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let (near, far) = stream(client, server).await;
        fill(near);
        let (mut reader, unanswered) = far.split();
        stalled.push(spawn_local(async move {
            let _unanswered = unanswered;
            if timeout(Duration::from_secs(10), stall(&mut reader)).await.is_ok() {
                return false;
            }
            let mut read = 0;
            while read < MORE {
                match reader.data().await {
                    Ok(Some(data)) => read += data.len(),
                    Ok(None) | Err(_) => return false,
                }
            }
            true
        }));
    }
    stalled
}
