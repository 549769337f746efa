//! Sockets against sockets, with no tunnel between them.

use std::io::ErrorKind;
use std::time::Duration;

use karez_tunnel::copy::{CopyError, End};
use karez_tunnel::window::{Budget, Limits};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::{assert_cut, broken_end, cut, relay, relay_for};
use crate::endpoints::{local, sockets};

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

/// Enough bytes to pass through a pipe in the kernel instead of a buffer.
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

#[tokio::test]
async fn urgent_data_is_passed_on_in_its_place() {
    local(async {
        let ((mut client, near), (far, mut server)) = (sockets().await, sockets().await);
        SockRef::from(&near).set_out_of_band_inline(true).unwrap();
        let copied = spawn_local(relay(near, far));
        client.write_all(b"before").await.unwrap();
        let mut seen = [0; 6];
        server.read_exact(&mut seen).await.unwrap();
        SockRef::from(&client).send_out_of_band(b"!").unwrap();
        server.read_exact(&mut seen[..1]).await.unwrap();
        assert_eq!(&seen, b"!efore");
        client.write_all(b"after").await.unwrap();
        client.shutdown().await.unwrap();
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"after");
        drop(server);
        copied.await.unwrap().0.unwrap();
    })
    .await;
}

/// The last relays stall together: more than one account bears, more than there are pipes.
#[tokio::test]
async fn what_the_other_end_does_not_take_is_bounded() {
    const RELAYS: usize = 100;
    local(async {
        let share = 1 << 20;
        let pod = Budget::new(Limits { total: 4 << 20, share }).account();
        let mut copies = Vec::new();
        let mut silent = Vec::new();
        for _ in 0..RELAYS {
            let ((client, near), (far, server)) = (sockets().await, sockets().await);
            copies.push(spawn_local(relay_for(pod.clone(), near, far)));
            silent.push((server, spawn_local(send_until_cut(client))));
        }
        let bounded = async {
            while !copies.iter().any(JoinHandle::is_finished) {
                assert!(pod.held() <= share, "{}", pod.held());
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), bounded).await.unwrap();
        let (mut ended, mut going): (Vec<_>, Vec<_>) =
            copies.into_iter().zip(silent).partition(|(copied, _)| copied.is_finished());
        let (copied, (mut server, client)) = ended.remove(0);
        assert!(matches!(copied.await.unwrap().0, Err(CopyError::UnreadBytes)));
        assert_cut(&mut server).await;
        client.await.unwrap();

        // The remaining relay goes on when it is read; the others still stall and are ended first.
        let (copied, (mut server, client)) = going.remove(0);
        for (copied, (_, client)) in going.drain(..).chain(ended) {
            copied.abort();
            client.abort();
        }
        server.read_exact(&mut vec![0; 8 << 20]).await.unwrap();
        client.abort();
        server.read_to_end(&mut Vec::new()).await.ok();
        drop(server);
        copied.await.unwrap().0.ok();
    })
    .await;
}

async fn send_until_cut(mut client: TcpStream) {
    while client.write_all(&[1; 64 << 10]).await.is_ok() {}
}
