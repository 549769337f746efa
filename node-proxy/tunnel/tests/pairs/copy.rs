//! Sockets against streams, and sockets against sockets, over real loopback TCP.

mod chunking;
mod cuts;
mod early;
mod ends;
mod relay;
mod streams;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use karez_tunnel::buffers::BufferPool;
use karez_tunnel::copy::{self, CopyError, Counters, End};
use karez_tunnel::window::Account;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::endpoints::{account, pair, sockets, stream};

const PATIENCE: Duration = Duration::from_secs(60);

/// How a copy ended, and the bytes it sent and received.
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
    relay_for(account(), near, far).await
}

/// Relays against that account.
async fn relay_for(account: Arc<Account>, near: TcpStream, far: TcpStream) -> Copied {
    let (counters, buffers) = (Counters::default(), BufferPool::default());
    let ended = copy::sockets(&near, &far, &counters, PATIENCE, &buffers, &account).await;
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
