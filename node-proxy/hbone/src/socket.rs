//! Options and addresses of the mesh's TCP connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Notices a peer that vanished; the figures are Istio's.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(180))
    .with_interval(Duration::from_secs(180))
    .with_retries(9);

/// Sets the options of every mesh connection: no delay of small writes, and keepalive.
pub fn tune(stream: &TcpStream) {
    // Both are improvements. A socket that refuses them has already failed, and the next read reports that.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE);
}

/// The peer's address, an IPv4 one as such also on a socket of both families.
///
/// # Errors
/// When the connection is gone.
pub fn peer(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.peer_addr().map(canonical)
}

/// The own address, an IPv4 one as such also on a socket of both families.
///
/// # Errors
/// When the connection is gone.
pub fn local(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.local_addr().map(canonical)
}

/// The address, an IPv4-mapped one of IPv6 as that of IPv4.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
