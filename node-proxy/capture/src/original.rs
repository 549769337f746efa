//! The original destination of a redirected connection.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};
use socket2::SockRef;

/// The destination of a redirected connection, with IPv4-mapped IPv6 as IPv4. None for a connection that was not
/// redirected: its local address is its destination.
#[must_use]
pub fn original_destination(socket: &impl AsFd) -> Option<SocketAddr> {
    let local = SockRef::from(socket).local_addr().ok()?.as_socket()?;
    let local = SocketAddr::new(local.ip().to_canonical(), local.port());
    // Connection tracking answers for all tracked connections, translated or not, and ENOENT for others
    // (nf_conntrack_proto.c, getorigdst).
    let original = match local.ip() {
        IpAddr::V4(_) => socket_address_v4(getsockopt(socket, sockopt::OriginalDst).ok()?),
        IpAddr::V6(_) => socket_address_v6(getsockopt(socket, sockopt::Ip6tOriginalDst).ok()?),
    };
    (original != local).then_some(original)
}

/// Converts a `sockaddr_in`.
pub(crate) fn socket_address_v4(address: nix::libc::sockaddr_in) -> SocketAddr {
    // Both fields are in network order.
    SocketAddr::new(IpAddr::from(address.sin_addr.s_addr.to_ne_bytes()), u16::from_be(address.sin_port))
}

/// Converts a `sockaddr_in6`.
pub(crate) fn socket_address_v6(address: nix::libc::sockaddr_in6) -> SocketAddr {
    let ip = IpAddr::from(address.sin6_addr.s6_addr).to_canonical();
    SocketAddr::new(ip, u16::from_be(address.sin6_port))
}
