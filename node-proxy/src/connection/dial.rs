//! TCP connections made with sockets of the agent: they leave from the Pod's own namespace.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use karez_api::outcome::{ConnectError, Failure};
use karez_capture::sockets::{Family, Kind};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::stock::PodStock;

/// How long the other side may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An application on the same machine answers at once. If it does not, other ports are tried, each for twice as long: the
/// client may have a connection from the first port already, older than the mesh, and then nobody answers this one.
const FIRST_TRY: Duration = Duration::from_millis(500);
/// Where those ports are drawn from: the kernel goes through its own in order, as it did when it gave them to the client.
const OTHER_PORTS: RangeInclusive<u16> = 32768..=60999;
/// A peer that is gone without a word is noticed; the figures are Istio's.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(180))
    .with_interval(Duration::from_secs(180))
    .with_retries(9);

/// Connects to `to` from the Pod.
pub(crate) async fn connect(stock: &PodStock, to: SocketAddr) -> Result<TcpStream, Failure> {
    dial(stock, Kind::Outbound, to, None).await
}

/// Connects to the Pod's application, which sees `client` as its peer where the families agree.
pub(crate) async fn application(
    stock: &PodStock,
    to: SocketAddr,
    client: IpAddr,
) -> Result<TcpStream, Failure> {
    let client = client.to_canonical();
    // An application that talks to itself through the mesh has that address already.
    if client == to.ip() || client.is_ipv4() != to.is_ipv4() {
        return dial(stock, Kind::Outbound, to, None).await;
    }
    let tries = async {
        let (mut patience, mut port) = (FIRST_TRY, 0);
        loop {
            let dialled = dial(stock, Kind::Application, to, Some(SocketAddr::new(client, port)));
            if let Ok(dialled) = tokio::time::timeout(patience, dialled).await {
                return dialled;
            }
            patience *= 2;
            port = fastrand::u16(OTHER_PORTS);
        }
    };
    let timed_out = Failure::Connect { to, reason: ConnectError::TimedOut };
    tokio::time::timeout(TIMEOUT, tries).await.unwrap_or(Err(timed_out))
}

async fn dial(
    stock: &PodStock,
    kind: Kind,
    to: SocketAddr,
    from: Option<SocketAddr>,
) -> Result<TcpStream, Failure> {
    let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
    let descriptor = stock.take(kind, family).await.map_err(|_| Failure::NoSocket)?;
    let socket = TcpSocket::from_std_stream(descriptor.into());
    let failed = |error: std::io::Error| Failure::Connect { to, reason: ConnectError::from(&error) };
    if let Some(from) = from {
        socket.bind(from).map_err(failed)?;
    }
    let stream = tokio::time::timeout(TIMEOUT, socket.connect(to))
        .await
        .map_err(|_| Failure::Connect { to, reason: ConnectError::TimedOut })?
        .map_err(failed)?;
    tune(&stream);
    Ok(stream)
}

/// What every connection of the mesh has: no waiting for more to send, and a peer that is gone is noticed.
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

/// An application is told of a refusal by a reset, never by an end that looks like an empty answer.
pub(crate) fn reset(stream: &TcpStream) {
    // Refused only for a socket that is closed already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
