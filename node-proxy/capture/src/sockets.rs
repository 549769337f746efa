//! Opens the node proxy's sockets in a Pod's namespace.
//!
//! No process in the Pod can imitate them: a listener does not share its port, and dialling sockets have a secret mark
//! ([`PodMark`](crate::marks::PodMark)). All are non-blocking and close-on-exec.

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

/// Most sockets of one call: one packet carries no more (`SCM_MAX_FD`).
pub const LARGEST_BATCH: usize = 253;

/// Address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6, without IPv4-mapped addresses.
    V6,
}

/// The role of a listening socket (for UDP: a bound one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listening {
    /// TCP 15001: connections that the application dials.
    Outbound,
    /// TCP 15006: inbound connections without a tunnel.
    InboundPlaintext,
    /// TCP 15008: tunnels.
    Hbone,
    /// TCP 15053: captured DNS queries.
    DnsTcp,
    /// UDP 15053: captured DNS queries; read them with [`datagram::receive`](crate::datagram::receive).
    DnsUdp,
}

/// The role of a stock socket, which is unbound and unconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// TCP into the network from the Pod's own address, uncaptured.
    Outbound,
    /// TCP to the application. Bind it to the client's address with port 0, then connect, which chooses the port. It
    /// reaches nothing outside the Pod.
    ///
    /// The kernel chooses the port without knowing the client's connections. The application may still hold an older
    /// one from that port, from before the capture. It then takes the new SYN for a stray one and does not answer. So
    /// give connecting a short time, and dial again with another socket.
    Application,
    /// UDP to the asked DNS server, uncaptured.
    DnsForward,
    /// UDP answers to the application. Bind it to the asked server's address with **port 0** and send with `send_to`. A
    /// rule sets port 53, which the node proxy may not bind and a DNS server in the Pod may hold. Do not connect it: it
    /// would take the application's next query.
    DnsReply,
}

/// Why sockets cannot be opened in a Pod's namespace.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The Pod reserves a mesh port for privileged processes, which the agent is not there.
    #[error(
        "port {port} is reserved for privileged processes of the Pod: its sysctl net.ipv4.ip_unprivileged_port_start has to \
         be {port} or lower"
    )]
    PortReserved {
        /// The lowest mesh port.
        port: u16,
    },
    /// A process in the Pod holds a mesh port.
    #[error("port {port} is taken by a process in the Pod")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// More than [`LARGEST_BATCH`].
    #[error("{count} sockets at once are more than {LARGEST_BATCH}")]
    TooMany {
        /// The requested number.
        count: usize,
    },
    /// The kernel refuses for another reason.
    #[error("cannot open a socket ({step}): {source}")]
    Socket {
        /// The failed step.
        step: &'static str,
        /// The kernel's error.
        source: std::io::Error,
    },
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn domain(self) -> Domain {
        match self {
            Self::V4 => Domain::IPV4,
            Self::V6 => Domain::IPV6,
        }
    }
}

impl Listening {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Outbound, Self::InboundPlaintext, Self::Hbone, Self::DnsTcp, Self::DnsUdp];
}

/// Sends as fast as the peer reads, for connections between proxy and application, which cross no network. The node's
/// default may pace them: BBR's timers took a third of the CPU of bulk transfers. Every kernel has Reno, and every
/// process may use it (`TCP_CONG_NON_RESTRICTED`).
fn unpaced(socket: &Socket) {
    // Without it the socket is only slower.
    let _ = socket.set_tcp_congestion(b"reno");
}

/// Reads urgent data inline, as part of the stream (RFC 6093 section 5): a relay would lose it otherwise. Connections
/// inherit this from their listener.
fn with_urgent_data_inline(socket: &Socket) -> Result<(), SocketError> {
    socket.set_out_of_band_inline(true).map_err(at("SO_OOBINLINE"))
}

/// Names the step that failed.
fn at(step: &'static str) -> impl FnOnce(std::io::Error) -> SocketError {
    move |source| SocketError::Socket { step, source }
}

#[cfg(test)]
mod tests;
