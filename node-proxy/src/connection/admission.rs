//! A connection that has arrived and asks to be admitted.

use std::net::SocketAddr;

use karez_api::identity::Identity;

/// A connection that asks to be admitted.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// The identity that the peer's certificate proves.
    pub(crate) peer: Option<Identity>,
    /// The peer's end of the TCP connection, the tunnel's where there is one.
    pub(crate) client: SocketAddr,
    /// The application's address that was asked for.
    pub(crate) target: SocketAddr,
    /// The host that the client says it addressed: for telemetry, as nothing proves it.
    pub(crate) host: Option<String>,
}
