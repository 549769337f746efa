//! Whatever sizes applications write in, everything arrives.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::spawn_local;

use super::{Path, path, relay};
use crate::endpoints::{local, sockets};

/// What an application does: writes of these sizes, and its end before or after reading the other's.
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
