//! Where a redirected connection was going.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};
use socket2::SockRef;

/// The destination of a connection that a rule redirected to the listener which accepted it; IPv4 in IPv6 is given as
/// IPv4. None for one that was not redirected: its destination is its local address.
#[must_use]
pub fn original_destination(socket: &impl AsFd) -> Option<SocketAddr> {
    let local = SockRef::from(socket).local_addr().ok()?.as_socket()?;
    let local = SocketAddr::new(local.ip().to_canonical(), local.port());
    // Connection tracking answers for all that it tracks, translated or not, and ENOENT for the rest
    // (nf_conntrack_proto.c, getorigdst).
    let original = match local.ip() {
        IpAddr::V4(_) => socket_address_v4(getsockopt(socket, sockopt::OriginalDst).ok()?),
        IpAddr::V6(_) => socket_address_v6(getsockopt(socket, sockopt::Ip6tOriginalDst).ok()?),
    };
    (original != local).then_some(original)
}

/// The standard library's form of a `sockaddr_in`.
pub(crate) fn socket_address_v4(address: nix::libc::sockaddr_in) -> SocketAddr {
    // Both fields are in network order.
    SocketAddr::new(IpAddr::from(address.sin_addr.s_addr.to_ne_bytes()), u16::from_be(address.sin_port))
}

/// The standard library's form of a `sockaddr_in6`.
pub(crate) fn socket_address_v6(address: nix::libc::sockaddr_in6) -> SocketAddr {
    let ip = IpAddr::from(address.sin6_addr.s6_addr).to_canonical();
    SocketAddr::new(ip, u16::from_be(address.sin6_port))
}
