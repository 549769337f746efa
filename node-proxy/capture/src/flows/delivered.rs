//! Sockets of connections to the application that carry their client's address: how the node proxy delivers what has come by a
//! tunnel, or without one. Connection tracking does not know them ([`marks::LOCAL`]); it is by that mark that they are found.
//! Their packets stay in the Pod only as long as the rules and routes are there. Pure.

use std::net::IpAddr;

use super::tcp::TcpSocket;
use crate::marks;

/// Both ends of all such connections. The node proxy's come first, as far as its address tells it from the application: `own` are
/// the Pod's.
pub(super) fn delivered(mut sockets: Vec<TcpSocket>, own: &[IpAddr]) -> Vec<TcpSocket> {
    sockets.retain(|socket| socket.mark.is_some_and(|mark| mark & marks::MASK == marks::LOCAL.0));
    sockets.sort_by_key(|socket| own.contains(&socket.local().ip()));
    sockets
}

#[cfg(test)]
mod tests;
