//! How a connection ended, in one closed enum from the data plane to what the operator reads.
//!
//! What it says is the metric's `response_flags`, the log's `error` and reason, and the HTTP status of a CONNECT.

use crate::identity::{Found, Identity};
use crate::names::port;

/// How a connection, or an attempt to make one, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried until both sides were done.
    Done,
    /// The mesh decided not to carry it, or not any longer.
    Refused(Refusal),
    /// The mesh wanted to carry it and could not.
    Failed(Failure),
}

/// A decision of the mesh against a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A Deny policy matched.
    #[error("denied by AuthorizationPolicy {policy}")]
    DeniedByPolicy {
        /// `namespace/name`.
        policy: String,
    },
    /// Allow policies cover the destination and none matched.
    #[error("no Allow policy of the destination matches this peer: {}", policies.join(", "))]
    NotAllowed {
        /// `namespace/name` of the first few that were asked.
        policies: Vec<String>,
    },
    /// Strict mTLS, and the peer has no identity.
    #[error("plaintext refused: namespace {namespace} is in strict mTLS mode")]
    PlaintextInStrictMode {
        /// The destination's namespace.
        namespace: String,
    },
    /// A policy that covers the destination could not be read and has no good version.
    #[error(
        "AuthorizationPolicy {policy} could not be read: all that it targets is refused until it is mended"
    )]
    UnreadablePolicy {
        /// `namespace/name`.
        policy: String,
    },
    /// The CONNECT request is not one that a mesh peer makes.
    #[error("not an HBONE request: {0}")]
    BadRequest(BadRequest),
    /// The destination is not a Pod behind this listener.
    #[error("{address} is not this Pod")]
    NotThisPod {
        /// What was asked for.
        address: std::net::SocketAddr,
    },
    /// The destination is one of the proxy's own ports.
    #[error("port {port} belongs to the mesh itself: a connection to it would loop")]
    ReservedPort {
        /// The port.
        port: u16,
    },
    /// The service is known and no endpoint can take the connection.
    #[error("service {service} has no usable endpoint for port {port}")]
    NoEndpoint {
        /// `namespace/hostname`.
        service: String,
        /// The service's port.
        port: u16,
    },
    /// The address lies in the mesh's ranges and the configuration never named it.
    #[error("{address} lies in the mesh's own ranges and no Pod or Service has it")]
    UnknownMeshAddress {
        /// The address.
        address: std::net::IpAddr,
    },
    /// Claims to the address conflict.
    #[error("it is not certain whose {address} is: karez status names the objects that claim it")]
    ContestedAddress {
        /// The address.
        address: std::net::IpAddr,
    },
    /// The destination must be reached through a waypoint, and none can be.
    #[error("{destination} must be reached through its waypoint, which is not available")]
    WaypointUnavailable {
        /// `namespace/hostname` or the workload's uid.
        destination: String,
    },
    /// The configuration does not have the Pod, or not with this address.
    #[error("the controller's configuration does not know this Pod with this address")]
    NotConfigured,
    /// One of the bounds on what a Pod, or all of them, may hold was reached.
    #[error("the {limit} is reached")]
    LimitReached {
        /// Which one.
        limit: Limit,
    },
    /// The proxy is draining, or the Pod was removed from the mesh.
    #[error("closed because the {0}")]
    Closing(Closing),
}

/// What is wrong with a CONNECT request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The method is not CONNECT.
    #[error("the method is not CONNECT")]
    Method,
    /// The authority is not an address and a port.
    #[error("the authority is not IP:PORT")]
    Authority,
}

/// Bounds on what a Pod may hold in its node's proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Connections at a time.
    #[error("Pod's limit of connections")]
    Connections,
    /// Tunnels whose client has yet to prove who it is.
    #[error("node proxy's limit of unproven clients")]
    Handshakes,
    /// Bytes received and not yet read by the application.
    #[error("Pod's limit of unread bytes")]
    UnreadBytes,
}

/// Why a working connection is ended by the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closing {
    /// The process is stopping and the drain deadline has passed.
    #[error("node proxy is stopping")]
    Draining,
    /// The source or destination Pod left the mesh.
    #[error("Pod was removed from the mesh")]
    PodRemoved,
}

/// Something that did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// TCP to the next hop, or to what is not in the mesh.
    #[error("could not connect to {to}: {reason}{}", hint(*to, *reason))]
    Connect {
        /// Where to.
        to: std::net::SocketAddr,
        /// What the system said.
        reason: ConnectError,
    },
    /// TCP to the Pod's own application.
    #[error("the application did not accept at {at}: {reason}")]
    Application {
        /// The Pod's address and the application's port.
        at: std::net::SocketAddr,
        /// What the system said.
        reason: ConnectError,
    },
    /// No socket from the agent in time.
    #[error("no socket from the agent within its time: is karez-agent running?")]
    NoSocket,
    /// The TLS handshake.
    #[error("TLS with {peer} failed: {message}")]
    Tls {
        /// The other side.
        peer: std::net::SocketAddr,
        /// rustls' words.
        message: String,
    },
    /// The peer proved an identity, but not an expected one.
    #[error("{peer} proved to be {}, expected {expected:?}", Found(found.as_ref()))]
    WrongIdentity {
        /// The other side.
        peer: std::net::SocketAddr,
        /// Who it is.
        found: Option<Identity>,
        /// Who it should have been.
        expected: Vec<Identity>,
    },
    /// No certificate for the local identity.
    #[error("no certificate for {identity}: {message}")]
    NoCertificate {
        /// Whose.
        identity: Identity,
        /// Why.
        message: String,
    },
    /// The HTTP/2 connection.
    #[error("HTTP/2 with {peer} failed: {message}")]
    Http2 {
        /// The other side.
        peer: std::net::SocketAddr,
        /// h2's words.
        message: String,
    },
    /// The next hop answered the CONNECT with another status than 200.
    #[error("{peer} answered {status} to the CONNECT")]
    ConnectAnswer {
        /// The other side.
        peer: std::net::SocketAddr,
        /// HTTP status.
        status: u16,
    },
    /// The connection broke while it was carried.
    #[error("reset while being carried: {0}")]
    Reset(Side),
    /// Nothing moved in a half-closed connection for too long.
    #[error("idle for too long after one side had finished")]
    HalfCloseTimeout,
}

/// Why a TCP connection could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// RST: nobody listens.
    #[error("connection refused")]
    Refused,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// No route.
    #[error("host or network unreachable")]
    Unreachable,
    /// Whatever else the system said, by its number.
    #[error("system error {0}")]
    System(i32),
}

/// Which side of a carried connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Side {
    /// The one that dialled.
    #[error("by the client")]
    Client,
    /// The one that was dialled.
    #[error("by the server")]
    Server,
}

impl Outcome {
    /// The `response_flags` label: Istio's words where it has one, `-` for a clean end.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        match self {
            Self::Done => "-",
            Self::Refused(refusal) => refusal.flag(),
            Self::Failed(failure) => failure.flag(),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Refusal {
    /// The `response_flags` label.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        match self {
            Self::DeniedByPolicy { .. }
            | Self::NotAllowed { .. }
            | Self::PlaintextInStrictMode { .. }
            | Self::UnreadablePolicy { .. } => "DENY",
            Self::BadRequest(_) | Self::NotThisPod { .. } | Self::ReservedPort { .. } => "BAD_REQUEST",
            Self::NoEndpoint { .. }
            | Self::UnknownMeshAddress { .. }
            | Self::ContestedAddress { .. }
            | Self::WaypointUnavailable { .. } => "NO_ENDPOINT",
            Self::NotConfigured => "NOT_CONFIGURED",
            Self::LimitReached { .. } => "LIMIT",
            Self::Closing(_) => "CLOSING",
        }
    }

    /// The HTTP status of a CONNECT that is refused so: 400, 401 or 503 as Istio's node proxy answers.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::DeniedByPolicy { .. }
            | Self::NotAllowed { .. }
            | Self::PlaintextInStrictMode { .. }
            | Self::UnreadablePolicy { .. } => 401,
            Self::BadRequest(_) | Self::NotThisPod { .. } | Self::ReservedPort { .. } => 400,
            Self::NoEndpoint { .. }
            | Self::UnknownMeshAddress { .. }
            | Self::ContestedAddress { .. }
            | Self::WaypointUnavailable { .. }
            | Self::NotConfigured
            | Self::LimitReached { .. }
            | Self::Closing(_) => 503,
        }
    }
}

impl Failure {
    /// The `response_flags` label.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        match self {
            Self::Connect { to, reason } if is_tunnel_blocked(*to, *reason) => "NETWORK_POLICY",
            Self::Connect { .. } | Self::Application { .. } | Self::NoSocket | Self::ConnectAnswer { .. } => {
                "CONNECT"
            }
            Self::Tls { .. } => "TLS_FAILURE",
            Self::Http2 { .. } => "H2_HANDSHAKE_FAILURE",
            Self::WrongIdentity { .. } | Self::NoCertificate { .. } => "IDENTITY_ERROR",
            Self::Reset(_) => "RESET",
            Self::HalfCloseTimeout => "IDLE",
        }
    }

    /// Whether another endpoint may be tried: nothing of the client's was sent.
    #[must_use]
    pub fn before_first_byte(&self) -> bool {
        !matches!(self, Self::Reset(_) | Self::HalfCloseTimeout)
    }
}

/// Whether packets to the port of tunnels seem to be dropped on the way, as a NetworkPolicy drops them.
fn is_tunnel_blocked(to: std::net::SocketAddr, reason: ConnectError) -> bool {
    to.port() == port::HBONE && reason == ConnectError::TimedOut
}

fn hint(to: std::net::SocketAddr, reason: ConnectError) -> &'static str {
    match is_tunnel_blocked(to, reason) {
        true => " (if a NetworkPolicy covers the destination, does it admit TCP port 15008?)",
        false => "",
    }
}

impl From<&std::io::Error> for ConnectError {
    fn from(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Self::Unreachable,
            _ => Self::System(error.raw_os_error().unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests;
