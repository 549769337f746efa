//! An inbound connection that asks for admission.

use std::net::SocketAddr;

use karez_api::identity::Identity;

/// An inbound connection that asks for admission.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The identity proven by the peer's certificate.
    pub peer: Option<Identity>,
    /// The peer's end of the TCP connection, the tunnel's where there is one.
    pub client: SocketAddr,
    /// The requested address of the application.
    pub target: SocketAddr,
    /// The host that the client claims to have addressed. Only for telemetry: nothing proves it.
    pub host: Option<String>,
}
