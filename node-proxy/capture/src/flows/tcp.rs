//! The TCP sockets of the namespace that are more than remembered.

use std::io;
use std::net::SocketAddr;

use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagDestroy, SockDiagMessage, TCP_FIN_WAIT2,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;

use crate::netlink::{command, dump};

/// A socket that has a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TcpSocket {
    /// `AF_INET` or `AF_INET6`; a socket of both families is of the latter, with IPv4 in its addresses.
    family: u8,
    /// What makes it itself.
    id: SocketId,
    /// Whoever has no CAP_NET_ADMIN over the namespace is not told.
    pub(super) mark: Option<u32>,
}

/// All of them, those of ended connections that have something to send still too.
///
/// # Errors
/// When the kernel does not tell.
pub(super) fn sockets() -> io::Result<Vec<TcpSocket>> {
    let mut found = Vec::new();
    for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let states = StateFlags::all() - StateFlags::LISTEN - StateFlags::TIME_WAIT - StateFlags::CLOSE;
        let request = SockDiagMessage::InetRequest(request(family, states, any));
        dump(NETLINK_SOCK_DIAG, request, |message| {
            if let SockDiagMessage::InetResponse(socket) = message {
                found.extend(read(&socket));
            }
        })?;
    }
    Ok(found)
}

/// None for what is left of a socket that nobody holds and that has been heard to the end: it sends nothing any more, and
/// before Linux 6.0 nobody could close it.
fn read(socket: &InetResponse) -> Option<TcpSocket> {
    let header = &socket.header;
    let is_remnant = header.state == TCP_FIN_WAIT2 && header.inode == 0;
    let mark = socket.nlas.iter().find_map(|attribute| match attribute {
        Nla::Mark(mark) => Some(*mark),
        _ => None,
    });
    (!is_remnant).then(|| TcpSocket { family: header.family, id: header.socket_id.clone(), mark })
}

impl TcpSocket {
    /// Where it is itself.
    pub(super) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.id.source_address.to_canonical(), self.id.source_port)
    }

    /// Where the other end is.
    pub(super) fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.id.destination_address.to_canonical(), self.id.destination_port)
    }

    /// The same for both ends of one connection.
    pub(super) fn connection(&self) -> [SocketAddr; 2] {
        let mut ends = [self.local(), self.remote()];
        ends.sort_unstable();
        ends
    }

    /// Closes it, if it is still there; both ends see a reset. It is named by its cookie: by its addresses alone the kernel would
    /// close whoever has them by now, or listens on the port.
    ///
    /// # Errors
    /// When the kernel cannot.
    pub(super) fn destroy(&self) -> io::Result<bool> {
        let request = request(self.family, StateFlags::all(), self.id.clone());
        match command(NETLINK_SOCK_DIAG, SockDiagDestroy::new(SockDiagMessage::InetRequest(request)), 0) {
            Ok(()) => Ok(true),
            Err(error) if is(&error, Errno::ENOENT) || is(&error, Errno::ESTALE) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn request(family: u8, states: StateFlags, socket_id: SocketId) -> InetRequest {
    InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::empty(), states, socket_id }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

#[cfg(test)]
pub(super) mod tests;
