//! Opens sockets that the node proxy binds and connects itself.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Protocol, Socket, Type};

use super::{Family, Kind, LARGEST_BATCH, SocketError, at, unpaced, with_urgent_data_inline};
use crate::marks::{self, Mark, PodMark};
use crate::netns::NetworkNamespace;

/// Opens `count` sockets of one kind in `namespace`. The namespace's rules know the mesh by `mark`.
///
/// # Errors
/// When one cannot be opened; then none stays open.
pub fn open_stock(
    namespace: &NetworkNamespace,
    kind: Kind,
    family: Family,
    count: usize,
    mark: PodMark,
) -> Result<Vec<OwnedFd>, SocketError> {
    if count > LARGEST_BATCH {
        return Err(SocketError::TooMany { count });
    }
    namespace.run(|| (0..count).map(|_| open(kind, family, mark).map(OwnedFd::from)).collect())?
}

fn open(kind: Kind, family: Family, mark: PodMark) -> Result<Socket, SocketError> {
    let (kind_of_socket, protocol) = kind.transport();
    let socket =
        Socket::new(family.domain(), kind_of_socket.nonblocking(), Some(protocol)).map_err(at("socket"))?;
    socket.set_mark(kind.mark(mark).0).map_err(at("SO_MARK"))?;
    if protocol == Protocol::TCP {
        with_urgent_data_inline(&socket)?;
    }
    match kind {
        Kind::Outbound | Kind::DnsForward => {}
        Kind::Application => {
            unpaced(&socket);
            allow_foreign_source(&socket).map_err(at("IP_TRANSPARENT"))?;
            // Otherwise a port would be taken for all destinations at once, and a busy client's ports would run out.
            setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)
                .map_err(|errno| at("IP_BIND_ADDRESS_NO_PORT")(errno.into()))?;
        }
        Kind::DnsReply => allow_foreign_source(&socket).map_err(at("IP_TRANSPARENT"))?,
    }
    Ok(socket)
}

/// Lets the socket bind an address that the Pod does not have. The kernel keeps one flag of each for both families, so
/// the IPv4 options also serve an IPv6 socket (`inet_sock`, `ipv6_setsockopt`).
fn allow_foreign_source(socket: &Socket) -> io::Result<()> {
    setsockopt(socket, sockopt::IpTransparent, &true)?;
    setsockopt(socket, sockopt::IpFreebind, &true)?;
    Ok(())
}

impl Kind {
    fn transport(self) -> (Type, Protocol) {
        match self {
            Self::Outbound | Self::Application => (Type::STREAM, Protocol::TCP),
            Self::DnsForward | Self::DnsReply => (Type::DGRAM, Protocol::UDP),
        }
    }

    fn mark(self, pod: PodMark) -> Mark {
        match self {
            Self::Outbound | Self::DnsForward => pod.mark(),
            Self::Application => marks::LOCAL,
            Self::DnsReply => marks::DNS_REPLY,
        }
    }
}
