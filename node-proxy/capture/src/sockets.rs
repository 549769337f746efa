//! The sockets that the node proxy works with, opened for it in a Pod's namespace.
//!
//! No process in the Pod can pass for them: a listener does not share its port, and what dials bears a mark that nobody else
//! knows ([`PodMark`](crate::marks::PodMark)). All of them are non-blocking and close on exec.

mod listeners;
mod queue;
mod returned;
mod stock;

use socket2::{Domain, Socket};

use crate::netns::NamespaceError;

pub use listeners::{Backlog, open_listener};
pub use queue::unacknowledged;
pub use returned::{NotTheListener, check_listener};
pub use stock::open_stock;

/// Most sockets that one call opens: as many as one packet carries (`SCM_MAX_FD`).
pub const LARGEST_BATCH: usize = 253;

/// Address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6, without IPv4 in it.
    V6,
}

/// What a listening socket (for UDP: a bound one) is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listening {
    /// TCP 15001: what the application dials.
    Outbound,
    /// TCP 15006: what comes without a tunnel.
    InboundPlaintext,
    /// TCP 15008: tunnels.
    Hbone,
    /// TCP 15053: captured DNS queries.
    DnsTcp,
    /// UDP 15053: captured DNS queries; read them with [`datagram::receive`](crate::datagram::receive).
    DnsUdp,
}

/// What an unbound, unconnected socket of the stock is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// TCP, into the network from the Pod's own address; never captured again.
    Outbound,
    /// TCP, to the application. Bind it to the client's address with port 0, then connect; the port is chosen when
    /// connecting. It reaches nothing outside the Pod.
    ///
    /// The kernel chooses without knowing the client's own connections. Should the application still hold one from that
    /// very port, and older than the capture, it takes the new SYN for a stray of the old one and does not answer: give
    /// connecting a short time, and dial again with another socket.
    Application,
    /// UDP, to the DNS server that was asked; never captured again.
    DnsForward,
    /// UDP, answers to the application. Bind it to the asked server's address with **port 0** and send with `send_to`: a
    /// rule puts port 53 in, which the node proxy may not bind, and which a DNS server in the Pod may hold. Do not
    /// connect it: it would take the application's next query.
    DnsReply,
}

/// Why sockets cannot be opened in a Pod's namespace.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The Pod keeps one of the mesh's ports for processes with a privilege in it, which the agent has not.
    #[error(
        "port {port} is reserved for privileged processes of the Pod: its sysctl net.ipv4.ip_unprivileged_port_start has to \
         be {port} or lower"
    )]
    PortReserved {
        /// The lowest of the mesh's ports.
        port: u16,
    },
    /// Something in the Pod holds one of the mesh's ports.
    #[error("port {port} is taken by a process in the Pod")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// More than [`LARGEST_BATCH`].
    #[error("{count} sockets at once are more than {LARGEST_BATCH}")]
    TooMany {
        /// As many as were asked for.
        count: usize,
    },
    /// Anything else that the kernel refuses.
    #[error("cannot open a socket ({step}): {source}")]
    Socket {
        /// Which step failed.
        step: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn domain(self) -> Domain {
        match self {
            Self::V4 => Domain::IPV4,
            Self::V6 => Domain::IPV6,
        }
    }
}

impl Listening {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Outbound, Self::InboundPlaintext, Self::Hbone, Self::DnsTcp, Self::DnsUdp];
}

/// Sends as fast as the other side reads: for the way between proxy and application, which crosses no network. With the
/// node's own choice it may be paced: BBR's timers took a third of the CPU of bulk transfers. Reno is in every kernel, and
/// nobody may be kept from it (`TCP_CONG_NON_RESTRICTED`).
fn unpaced(socket: &Socket) {
    // It would only be slower.
    let _ = socket.set_tcp_congestion(b"reno");
}

/// Reads urgent data as what it is by now, a part of the stream (RFC 6093 section 5): apart from it, a relay would lose it.
/// Connections inherit it from their listener.
fn with_urgent_data_inline(socket: &Socket) -> Result<(), SocketError> {
    socket.set_out_of_band_inline(true).map_err(at("SO_OOBINLINE"))
}

/// Names the step that failed.
fn at(step: &'static str) -> impl FnOnce(std::io::Error) -> SocketError {
    move |source| SocketError::Socket { step, source }
}

#[cfg(test)]
mod tests;
