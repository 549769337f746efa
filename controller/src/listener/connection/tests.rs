use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use karez_process::handshakes::HandshakeLimiter;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Semaphore;

use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn limiter() -> Arc<HandshakeLimiter> {
    HandshakeLimiter::new(1)
}

/// A connection with its other end, which holds the bytes of `room` that nobody has read.
fn pair(room: usize) -> (Connection<DuplexStream>, DuplexStream) {
    let (stream, other) = tokio::io::duplex(room);
    let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    (Connection::new(stream, None, slot, limiter().admit(PEER).unwrap()), other)
}

/// What the connection does until it is ended, which is soon.
async fn until_ended(work: impl Future<Output = io::Error>) {
    let error = tokio::time::timeout(AUTHENTICATION_TIMEOUT + Duration::from_secs(1), work).await;
    assert_eq!(error.expect("it is not ended").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_let_go() {
    let (mut connection, _other) = pair(16);
    until_ended(async { connection.read_u8().await.unwrap_err() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_everything_but_who_it_is_is_let_go() {
    let (mut connection, mut other) = pair(16);
    tokio::spawn(async move {
        while other.write_u8(0).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    until_ended(async {
        loop {
            if let Err(error) = connection.read_u8().await {
                return error;
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_let_go() {
    let (mut connection, _other) = pair(16);
    until_ended(async { connection.write_all(&[0; 17]).await.unwrap_err() }).await;
    assert!(connection.flush().await.is_err() && connection.shutdown().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_authenticated_may_be_silent() {
    let (mut connection, mut other) = pair(16);
    let peer = connection.connect_info();
    let hour = Duration::from_secs(3600);
    tokio::spawn(async move {
        tokio::time::sleep(AUTHENTICATION_TIMEOUT / 2).await;
        peer.set_authenticated();
        tokio::time::sleep(hour).await;
        other.write_u8(7).await.unwrap();
    });
    assert_eq!(connection.read_u8().await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_unproven_peer_gives_way_and_who_has_authenticated_does_not() {
    for is_known in [false, true] {
        let limiter = limiter();
        let (stream, mut other) = tokio::io::duplex(16);
        let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut connection = Connection::new(stream, None, slot, limiter.admit(PEER).unwrap());
        if is_known {
            connection.connect_info().set_authenticated();
        }
        let mut reading = std::pin::pin!(connection.read_u8());
        let now = std::future::ready(());
        tokio::select! {
            biased;
            _ = &mut reading => panic!("nothing is there"),
            () = now => {}
        }
        let _newer = limiter.admit(PEER).unwrap();
        other.write_u8(7).await.unwrap();
        let read = reading.await;
        assert_eq!(read.is_ok(), is_known, "{read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_was_refused_is_let_go_once_it_could_read_so() {
    let (mut connection, mut other) = pair(16);
    connection.info.set_refused();
    let refused = Instant::now();
    connection.write_u8(1).await.unwrap();
    assert_eq!(other.read_u8().await.unwrap(), 1);
    until_ended(async { connection.read_u8().await.unwrap_err() }).await;
    assert!(refused.elapsed() < AUTHENTICATION_TIMEOUT / 2);
}
