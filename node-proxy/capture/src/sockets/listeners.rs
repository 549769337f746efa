//! Opens the sockets that receive captured traffic.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use karez_api::names::port;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Protocol, Socket, Type};

use super::{Family, Listening, SocketError, at, unpaced, with_urgent_data_inline};
use crate::netns::NetworkNamespace;

/// Most connections in a listener's queue; the namespace's `somaxconn` limits it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog(pub u16);

impl Default for Backlog {
    fn default() -> Self {
        // The kernel's default for somaxconn. Connections that arrive while the node proxy restarts must fit.
        Self(4096)
    }
}

/// Opens a listener in `namespace`. Nothing else can listen on its port.
///
/// Connections queue from this moment.
///
/// # Errors
/// When it cannot be opened.
pub fn open_listener(
    namespace: &NetworkNamespace,
    listening: Listening,
    family: Family,
    backlog: Backlog,
) -> Result<OwnedFd, SocketError> {
    namespace.run(|| open(listening, family, backlog).map(OwnedFd::from))?
}

fn open(listening: Listening, family: Family, backlog: Backlog) -> Result<Socket, SocketError> {
    let socket = match listening {
        Listening::Outbound | Listening::InboundPlaintext | Listening::Hbone | Listening::DnsTcp => {
            let socket = bound(listening, family, Type::STREAM, Protocol::TCP)?;
            with_urgent_data_inline(&socket)?;
            if listening.serves_the_pod() {
                unpaced(&socket);
            }
            socket.listen(backlog.0.into()).map_err(|error| refused(listening, "listen", error))?;
            socket
        }
        Listening::DnsUdp => bound(listening, family, Type::DGRAM, Protocol::UDP)?,
    };
    Ok(socket)
}

fn bound(
    listening: Listening,
    family: Family,
    kind: Type,
    protocol: Protocol,
) -> Result<Socket, SocketError> {
    let socket = Socket::new(family.domain(), kind.nonblocking(), Some(protocol)).map_err(at("socket"))?;
    if family == Family::V6 {
        socket.set_only_v6(true).map_err(at("IPV6_V6ONLY"))?;
    }
    if listening == Listening::DnsUdp {
        keep_destination(&socket, family).map_err(at("IP_RECVORIGDSTADDR"))?;
    } else {
        // Connections of a killed node proxy still hold the port, under its uid.
        socket.set_reuse_address(true).map_err(at("SO_REUSEADDR"))?;
    }
    let address = match family {
        Family::V4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, listening.port())),
        Family::V6 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, listening.port())),
    };
    socket.bind(&address.into()).map_err(|error| refused(listening, "bind", error))?;
    Ok(socket)
}

/// TPROXY delivers only to transparent sockets, and keeps the original destination in the packet.
fn keep_destination(socket: &Socket, family: Family) -> io::Result<()> {
    setsockopt(socket, sockopt::IpTransparent, &true)?;
    match family {
        Family::V4 => setsockopt(socket, sockopt::Ipv4OrigDstAddr, &true)?,
        Family::V6 => setsockopt(socket, sockopt::Ipv6OrigDstAddr, &true)?,
    }
    Ok(())
}

/// Why a port is unavailable.
fn refused(listening: Listening, step: &'static str, error: io::Error) -> SocketError {
    let port = listening.port();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => SocketError::PortTaken { port },
        Some(Errno::EACCES) => SocketError::PortReserved { port },
        _ => at(step)(error),
    }
}

impl Listening {
    /// The port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Outbound => port::OUTBOUND,
            Self::InboundPlaintext => port::INBOUND_PLAINTEXT,
            Self::Hbone => port::HBONE,
            Self::DnsTcp | Self::DnsUdp => port::DNS,
        }
    }

    /// Whether the Pod's own applications connect to it.
    fn serves_the_pod(self) -> bool {
        match self {
            Self::Outbound | Self::DnsTcp | Self::DnsUdp => true,
            Self::InboundPlaintext | Self::Hbone => false,
        }
    }
}
