//! Sockets of connections to the application that carry their client's address: how the node proxy delivers what has come by a
//! tunnel, or without one. Connection tracking does not know them ([`marks::LOCAL`]); it is by that mark that they are found.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, SockDiagMessage, TCP_FIN_WAIT2};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use crate::marks;
use crate::netlink::dump;

/// One end of such a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivered {
    /// `AF_INET` or `AF_INET6`; a socket of both families is of the latter, with IPv4 in its addresses.
    pub(super) family: u8,
    /// What makes it itself.
    pub(super) id: SocketId,
}

/// Both ends of all such connections, of ended ones that have something to send still too. The node proxy's come first, as
/// far as its address tells it from the application: `own` are the Pod's.
///
/// # Errors
/// When the kernel does not tell.
pub(super) fn delivered(own: &[IpAddr]) -> io::Result<Vec<Delivered>> {
    let mut found = Vec::new();
    for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all() - StateFlags::LISTEN - StateFlags::TIME_WAIT - StateFlags::CLOSE,
            socket_id: any,
        };
        dump(NETLINK_SOCK_DIAG, SockDiagMessage::InetRequest(request), |message| {
            if let SockDiagMessage::InetResponse(socket) = message {
                found.extend(read(&socket));
            }
        })?;
    }
    found.sort_by_key(|socket| own.contains(&socket.local().ip()));
    Ok(found)
}

/// A socket, if its packets stay in the Pod only as long as the rules and routes are there. Whoever has no CAP_NET_ADMIN over
/// the namespace is not told a socket's mark.
fn read(socket: &InetResponse) -> Option<Delivered> {
    let header = &socket.header;
    let is_delivered = socket.nlas.iter().any(|attribute| match attribute {
        Nla::Mark(mark) => mark & marks::MASK == marks::LOCAL.0,
        _ => false,
    });
    // What is left of a socket that nobody holds and that has been heard to the end: it sends nothing any more, and before
    // Linux 6.0 nobody could close it.
    let is_remnant = header.state == TCP_FIN_WAIT2 && header.inode == 0;
    (is_delivered && !is_remnant).then(|| Delivered { family: header.family, id: header.socket_id.clone() })
}

impl Delivered {
    /// Where it is itself.
    fn local(&self) -> SocketAddr {
        SocketAddr::new(self.id.source_address.to_canonical(), self.id.source_port)
    }

    /// Where the other end is.
    fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.id.destination_address.to_canonical(), self.id.destination_port)
    }

    /// The same for both ends of one connection.
    pub(super) fn connection(&self) -> [SocketAddr; 2] {
        let mut ends = [self.local(), self.remote()];
        ends.sort_unstable();
        ends
    }
}

#[cfg(test)]
mod tests;
