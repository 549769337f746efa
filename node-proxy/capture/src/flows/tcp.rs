//! The namespace's TCP sockets, except remembered ones.

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

/// A connected socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TcpSocket {
    /// `AF_INET` or `AF_INET6`. A dual-stack socket is `AF_INET6`, with IPv4-mapped addresses.
    family: u8,
    /// Its identity: addresses and cookie.
    id: SocketId,
    /// None without CAP_NET_ADMIN over the namespace.
    pub(super) mark: Option<u32>,
}

/// All connected sockets, including ended ones that still have bytes to send.
///
/// # Errors
/// When the kernel does not answer.
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

/// None for an orphaned socket whose peer has finished. It sends nothing any more, and Linux before 6.0 could not close
/// it.
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
    /// Its own address.
    pub(super) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.id.source_address.to_canonical(), self.id.source_port)
    }

    /// Its peer's address.
    pub(super) fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.id.destination_address.to_canonical(), self.id.destination_port)
    }

    /// The connection's key, the same for both ends.
    pub(super) fn connection(&self) -> [SocketAddr; 2] {
        let mut ends = [self.local(), self.remote()];
        ends.sort_unstable();
        ends
    }

    /// Closes the socket if it still exists; both ends see a reset. It is named by its cookie: by addresses alone the
    /// kernel would close their present owner, or a listener on the port.
    ///
    /// # Errors
    /// When the kernel cannot close it.
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
