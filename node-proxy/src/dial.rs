//! TCP connections made with sockets of the agent: they leave from the Pod's own namespace.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use karez_api::outcome::{ConnectError, Failure};
use karez_capture::sockets::{Family, Kind};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::stock::PodStock;

/// How long the other side may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An application on the same machine answers at once. If it does not, other ports are tried: the client may have a connection
/// from the first port already, older than the mesh, and then nobody answers this one.
const FIRST_TRY: Duration = Duration::from_millis(500);
/// How long each of those may take, with the first as long as anybody else.
const OTHER_TRIES: [Duration; 3] =
    [Duration::from_millis(1500), Duration::from_secs(3), Duration::from_secs(5)];
/// Where those ports are drawn from: the kernel goes through its own in order, as it did when it gave them to the client.
const OTHER_PORTS: RangeInclusive<u16> = 32768..=60999;
/// How many are drawn: of a client that connects very often, a good part are still in TIME-WAIT.
const DRAWS: usize = 32;
/// A peer that is gone without a word is noticed; the figures are Istio's.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(180))
    .with_interval(Duration::from_secs(180))
    .with_retries(9);

/// Connects to `to` from the Pod.
pub(crate) async fn connect(stock: &PodStock, to: SocketAddr) -> Result<TcpStream, Failure> {
    dial(stock, Kind::Outbound, to, TIMEOUT, |_| Ok(())).await
}

/// Connects to the Pod's application, which sees `client` as its peer where the families agree.
pub(crate) async fn application(
    stock: &PodStock,
    to: SocketAddr,
    client: IpAddr,
) -> Result<TcpStream, Failure> {
    let client = client.to_canonical();
    // An application that talks to itself through the mesh has that address already.
    let dialled = match client == to.ip() || client.is_ipv4() != to.is_ipv4() {
        true => connect(stock, to).await,
        false => as_client(stock, to, client).await,
    };
    dialled.map_err(|failure| match failure {
        Failure::Connect { to: at, reason } => Failure::Application { at, reason },
        other => other,
    })
}

async fn as_client(stock: &PodStock, to: SocketAddr, client: IpAddr) -> Result<TcpStream, Failure> {
    let kernels = |socket: &TcpSocket| socket.bind(SocketAddr::new(client, 0));
    let mut dialled = dial(stock, Kind::Application, to, FIRST_TRY, kernels).await;
    for patience in OTHER_TRIES {
        if !matches!(dialled, Err(Failure::Connect { reason: ConnectError::TimedOut, .. })) {
            break;
        }
        let drawn = |socket: &TcpSocket| bind_elsewhere(socket, client);
        dialled = dial(stock, Kind::Application, to, patience, drawn).await;
    }
    dialled
}

async fn dial(
    stock: &PodStock,
    kind: Kind,
    to: SocketAddr,
    patience: Duration,
    bind: impl FnOnce(&TcpSocket) -> io::Result<()>,
) -> Result<TcpStream, Failure> {
    let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
    let descriptor = stock.take(kind, family).await.map_err(|_| Failure::NoSocket)?;
    let socket = TcpSocket::from_std_stream(descriptor.into());
    let failed = |error: io::Error| Failure::Connect { to, reason: ConnectError::from(&error) };
    bind(&socket).map_err(failed)?;
    let connected = timeout(patience, socket.connect(to)).await;
    let timed_out = |_| Failure::Connect { to, reason: ConnectError::TimedOut };
    let stream = connected.map_err(timed_out)?.map_err(failed)?;
    tune(&stream);
    Ok(stream)
}

/// Binds to a port of the client's address that nothing here has had lately.
fn bind_elsewhere(socket: &TcpSocket, client: IpAddr) -> io::Result<()> {
    let mut drawn = (0..DRAWS).map(|_| socket.bind(SocketAddr::new(client, fastrand::u16(OTHER_PORTS))));
    let is_final =
        |bound: &io::Result<()>| !matches!(bound, Err(error) if error.kind() == io::ErrorKind::AddrInUse);
    drawn.find(is_final).unwrap_or(Err(io::ErrorKind::AddrInUse.into()))
}

/// Options of every mesh connection: no delay of small writes, and keepalive to notice a dead peer.
pub(crate) fn tune(stream: &TcpStream) {
    // Both are improvements, and a socket that refuses them has failed already: the next read tells.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE);
}

/// Returns when the client has closed or reset before there was another end: nobody waits for it any more.
pub(crate) async fn gave_up(client: &TcpStream) {
    // A client that only finishes sending still waits for an answer; one that is gone shows an error here.
    let ready = client.ready(tokio::io::Interest::ERROR).await;
    if ready.is_err() {
        return;
    }
    if client.take_error().is_ok_and(|error| error.is_some()) {
        return;
    }
    std::future::pending::<()>().await;
}
