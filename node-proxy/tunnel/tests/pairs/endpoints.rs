//! The two endpoints.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::uri::Authority;
use karez_tunnel::ConnectionError;
use karez_tunnel::client::{self, Connection};
use karez_tunnel::server::{self, Request};
use karez_tunnel::settings::Http2;
use karez_tunnel::stream::{Reader, Stream, Writer};
use karez_tunnel::window::{Account, Budget, Limits};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until};

/// Runs a test whose tasks need not be `Send`.
pub(crate) async fn local<R>(test: impl Future<Output = R>) -> R {
    LocalSet::new().run_until(test).await
}

/// An account with ample room.
pub(crate) fn account() -> Arc<Account> {
    Budget::new(Limits::default()).account()
}

pub(crate) fn authority() -> Authority {
    Authority::from_static("10.0.0.7:8080")
}

/// What a test can make the accepting end do.
pub(crate) enum Order {
    ShutDown,
    Abort,
    /// Close without a GOAWAY.
    Cut,
    /// Stop reading and writing, like a host that vanished.
    Vanish,
}

/// The accepting end, driven by a task.
pub(crate) struct Server {
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) ended: JoinHandle<Result<(), ConnectionError>>,
}

impl Server {
    pub(crate) fn spawn<Io>(io: Io, settings: Http2, account: Arc<Account>) -> Self
    where
        Io: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (sender, requests) = mpsc::unbounded_channel();
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let ended = spawn_local(async move {
            let mut incoming = server::handshake(io, &settings, &account).await?;
            loop {
                tokio::select! {
                    request = incoming.next() => match request? {
                        Some(request) => drop(sender.send(request)),
                        None => return Ok(()),
                    },
                    Some(order) = ordered.recv() => match order {
                        Order::ShutDown => incoming.graceful_shutdown(),
                        Order::Abort => incoming.abort(),
                        Order::Cut => return Ok(()),
                        Order::Vanish => std::future::pending().await,
                    },
                }
            }
        });
        Self { requests, orders, ended }
    }

    pub(crate) async fn request(&mut self) -> Request {
        self.requests.recv().await.expect("the server runs")
    }
}

/// The dialling end, driven by a task.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) vanish: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<Result<(), ConnectionError>>,
}

impl Client {
    pub(crate) async fn spawn<Io>(io: Io, settings: &Http2, account: &Arc<Account>) -> Self
    where
        Io: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (connection, driver) = client::handshake(io, settings, account).await.unwrap();
        let (vanish, vanished) = oneshot::channel();
        let ended = spawn_local(async move {
            let mut driver = pin!(driver);
            tokio::select! {
                ended = &mut driver => ended,
                Ok(()) = vanished => std::future::pending().await,
            }
        });
        Self { connection, vanish, ended }
    }
}

/// Both ends, joined in memory.
pub(crate) async fn pair() -> (Client, Server) {
    pair_with(&Http2::client(), &Http2::server(), &account(), &account()).await
}

pub(crate) async fn pair_with(
    client: &Http2,
    server: &Http2,
    client_account: &Arc<Account>,
    server_account: &Arc<Account>,
) -> (Client, Server) {
    let (near, far) = duplex(64 * 1024);
    let server = Server::spawn(far, server.clone(), server_account.clone());
    (Client::spawn(near, client, client_account).await, server)
}

/// The two ends of one accepted stream.
pub(crate) async fn stream(client: &Client, server: &mut Server) -> (Stream, Stream) {
    let connect = client.connection.connect(authority(), HeaderMap::new());
    let accept = async { server.request().await.accept().unwrap() };
    let (near, far) = tokio::join!(connect, accept);
    (near.unwrap(), far)
}

/// Two ends in memory, with a latency for every byte.
pub(crate) fn link(latency: Duration) -> (DuplexStream, DuplexStream) {
    let ((near, left), (far, right)) = (duplex(64 << 10), duplex(64 << 10));
    let (left, right) = (split(left), split(right));
    spawn_local(delay(left.0, right.1, latency));
    spawn_local(delay(right.0, left.1, latency));
    (near, far)
}

async fn delay(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, latency: Duration) {
    let (sender, mut on_its_way) = mpsc::unbounded_channel();
    spawn_local(async move {
        loop {
            let mut chunk = BytesMut::with_capacity(64 << 10);
            let read = from.read_buf(&mut chunk).await;
            if !matches!(read, Ok(1..)) || sender.send((Instant::now() + latency, chunk)).is_err() {
                return;
            }
        }
    });
    while let Some((due, chunk)) = on_its_way.recv().await {
        sleep_until(due).await;
        if to.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

/// Two joined TCP sockets.
pub(crate) async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap());
    let (dialled, accepted) = tokio::join!(dialled, listener.accept());
    (dialled.unwrap(), accepted.unwrap().0)
}

/// Everything that a stream delivers.
pub(crate) async fn read_all(reader: &mut Reader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(data) = reader.data().await.unwrap() {
        all.extend_from_slice(&data);
    }
    all
}

pub(crate) async fn send(writer: &mut Writer, data: &'static [u8]) {
    writer.send_all(Bytes::from_static(data)).await.unwrap();
}
