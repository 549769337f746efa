//! Sockets of connections to the application that carry their client's address. The node proxy delivers that way, from
//! a tunnel or without. Connection tracking does not know them ([`marks::LOCAL`]), so they are found by that mark. Only
//! the rules and routes keep their packets in the Pod. Pure.

use std::net::IpAddr;

use super::tcp::TcpSocket;
use crate::marks;

/// Both ends of all such connections. The node proxy's ends come first where their address is not the Pod's, as listed
/// in `own`.
pub(super) fn delivered(mut sockets: Vec<TcpSocket>, own: &[IpAddr]) -> Vec<TcpSocket> {
    sockets.retain(|socket| socket.mark.is_some_and(|mark| mark & marks::MASK == marks::LOCAL.0));
    sockets.sort_by_key(|socket| own.contains(&socket.local().ip()));
    sockets
}

#[cfg(test)]
mod tests;
