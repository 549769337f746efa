//! Sockets against streams, and sockets against sockets, over real loopback TCP.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::copy::{self, CopyError, Counters, End};
use karez_tunnel::settings::Http2;
use karez_tunnel::window::{Budget, Limits};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, advance};

use crate::endpoints::{account, local, pair, pair_with, send, sockets, stream};

const PATIENCE: Duration = Duration::from_secs(60);

/// How a copy ended, and what it had moved: sent and received.
type Copied = (Result<(), CopyError>, u64, u64);

/// client application - socket - copy - tunnel - copy - socket - server application
struct Path {
    client: TcpStream,
    server: TcpStream,
    near: JoinHandle<Copied>,
    far: JoinHandle<Copied>,
}

async fn path() -> Path {
    let (client_end, mut server_end) = pair().await;
    let (near, far) = stream(&client_end, &mut server_end).await;
    let (client, near_socket) = sockets().await;
    let (server, far_socket) = sockets().await;
    let near = spawn_local(carry(near_socket, near));
    let far = spawn_local(carry(far_socket, far));
    Path { client, server, near, far }
}

async fn carry(socket: TcpStream, stream: karez_tunnel::Stream) -> Copied {
    let (counters, buffers) = (Counters::default(), BufferPool::default());
    let ended = copy::between(&socket, stream, &counters, PATIENCE, &buffers).await;
    (ended, counters.sent(), counters.received())
}

async fn relay(near: TcpStream, far: TcpStream) -> Copied {
    let (counters, buffers) = (Counters::default(), BufferPool::default());
    let ended = copy::sockets(&near, &far, &counters, PATIENCE, &buffers).await;
    (ended, counters.sent(), counters.received())
}

/// Closes with RST.
fn cut(socket: TcpStream) {
    socket.set_zero_linger().unwrap();
    drop(socket);
}

async fn assert_cut(socket: &mut TcpStream) {
    let error = loop {
        match socket.read(&mut [0; 1024]).await {
            Ok(0) => panic!("a cut must not look like an end"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

fn broken_end(copied: &Copied) -> End {
    match &copied.0 {
        Err(CopyError::Broken { end, .. }) => *end,
        other => panic!("{other:?}"),
    }
}

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

/// Writes until nothing more is taken: what lies in between is full.
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

#[tokio::test]
async fn a_reset_passes_where_nothing_else_does() {
    local(async {
        let Path { client, server: _reads_nothing, near, far } = path().await;
        fill(&client).await;
        cut(client);
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
        writer.reset(Reason::CANCEL);
        assert_cut(&mut application).await;
        assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
    })
    .await;
}

/// RFC 9113 section 8.1: a peer that has said all it has to say, and wants no more.
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
        writer.reset(Reason::NO_ERROR);
        copied.await.unwrap().0.unwrap();
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
            // More than the kernel's buffers on loopback ever are.
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
        let ended = near.await.unwrap();
        assert!(matches!(ended.0, Err(CopyError::HalfCloseTimeout)), "{:?}", ended.0);
        tokio::time::resume();
        assert_cut(&mut client).await;
        far.await.unwrap().0.unwrap_err();
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

#[tokio::test]
async fn sockets_pass_bytes_ends_and_resets() {
    local(async {
        let ((mut client, near), (far, mut server)) = (sockets().await, sockets().await);
        let copied = spawn_local(relay(near, far));
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut seen = Vec::new();
        server.read_to_end(&mut seen).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        client.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"questionanswer");
        let (ended, sent, received) = copied.await.unwrap();
        ended.unwrap();
        assert_eq!((sent, received), (8, 6));

        for client_cuts in [true, false] {
            let ((client, near), (far, server)) = (sockets().await, sockets().await);
            let copied = spawn_local(relay(near, far));
            let (cutting, mut other) = if client_cuts { (client, server) } else { (server, client) };
            cut(cutting);
            assert_cut(&mut other).await;
            let expected = if client_cuts { End::Near } else { End::Far };
            assert_eq!(broken_end(&copied.await.unwrap()), expected);
        }
    })
    .await;
}

/// Enough that bytes pass through a pipe in the kernel instead of a buffer.
#[tokio::test]
async fn much_between_sockets_arrives_whole_and_a_cut_in_its_middle_is_one() {
    local(async {
        let ((mut client, near), (far, mut server)) = (sockets().await, sockets().await);
        let copied = spawn_local(relay(near, far));
        let sent: Vec<u8> =
            (0..20 << 20_u32).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let expected = sent.clone();
        spawn_local(async move {
            client.write_all(&sent).await.unwrap();
            client.write_all(b"then little").await.unwrap();
        });
        let mut seen = Vec::new();
        server.read_to_end(&mut seen).await.unwrap();
        assert!(seen[..expected.len()] == expected, "bytes were lost, added or changed");
        assert_eq!(&seen[expected.len()..], b"then little");
        drop(server);
        let (ended, sent, _) = copied.await.unwrap();
        ended.unwrap();
        assert_eq!(sent, seen.len() as u64);

        let ((mut client, near), (far, mut server)) = (sockets().await, sockets().await);
        let copied = spawn_local(relay(near, far));
        let cutting = spawn_local(async move {
            loop {
                if let Err(error) = client.write_all(&vec![1; 256 << 10]).await {
                    return error.kind();
                }
            }
        });
        for _ in 0..100 {
            server.read_exact(&mut vec![0; 128 << 10]).await.unwrap();
        }
        cut(server);
        assert_eq!(broken_end(&copied.await.unwrap()), End::Far);
        let told = cutting.await.unwrap();
        assert!(matches!(told, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{told}");
    })
    .await;
}

/// What an application does with its side: writes of these sizes, and its end before or after it has read the other's.
#[derive(Debug, Clone)]
struct Side {
    writes: Vec<usize>,
    ends_last: bool,
}

fn side() -> impl Strategy<Value = Side> {
    let size = prop_oneof![0..64_usize, 1_000..5_000_usize, 15_000..70_000_usize, Just(600_000)];
    (vec(size, 0..12), any::<bool>()).prop_map(|(writes, ends_last)| Side { writes, ends_last })
}

impl Side {
    fn bytes(&self, seed: u8) -> Vec<u8> {
        let total = self.writes.iter().sum::<usize>();
        (0..total)
            .map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8).wrapping_add(seed))
            .collect()
    }

    async fn write(&self, seed: u8, half: &mut OwnedWriteHalf) {
        let bytes = self.bytes(seed);
        let mut rest = bytes.as_slice();
        for size in &self.writes {
            let (now, later) = rest.split_at(*size);
            half.write_all(now).await.unwrap();
            rest = later;
            tokio::task::yield_now().await;
        }
    }

    /// Everything that the other side sent.
    async fn play(self, seed: u8, socket: TcpStream) -> Vec<u8> {
        let (mut read, mut write): (OwnedReadHalf, OwnedWriteHalf) = socket.into_split();
        let mut seen = Vec::new();
        let writing = async {
            self.write(seed, &mut write).await;
            if !self.ends_last {
                write.shutdown().await.unwrap();
            }
        };
        let (_, read) = tokio::join!(writing, read.read_to_end(&mut seen));
        read.unwrap();
        seen
    }
}

async fn play(client: Side, server: Side, client_socket: TcpStream, server_socket: TcpStream) {
    let expected = (server.bytes(2), client.bytes(1));
    let seen = tokio::join!(client.play(1, client_socket), server.play(2, server_socket));
    assert!(seen == expected, "bytes were lost, added or changed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_arrives_whole_with_ends_in_any_order(mut client in side(), server in side(), tunnel in any::<bool>()) {
        // Both waiting for the other's end would be the applications' own deadlock.
        client.ends_last &= !server.ends_last;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(local(async {
            if tunnel {
                let Path { client: near_socket, server: far_socket, near, far } = path().await;
                play(client, server, near_socket, far_socket).await;
                near.await.unwrap().0.unwrap();
                far.await.unwrap().0.unwrap();
            } else {
                let ((near_socket, near), (far, far_socket)) = (sockets().await, sockets().await);
                let copied = spawn_local(relay(near, far));
                play(client, server, near_socket, far_socket).await;
                copied.await.unwrap().0.unwrap();
            }
        }));
    }
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
