//! The connection that a call came on: the listener and the gate in front of the services both use it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The client's end of a connection. Every call on the connection carries it in its extensions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConnectInfo {
    address: Option<SocketAddr>,
    authenticated: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
}

impl ConnectInfo {
    /// A connection from `address` that no authenticated call has used yet.
    #[must_use]
    pub fn new(address: Option<SocketAddr>) -> Self {
        Self { address, authenticated: Arc::default(), refused: Arc::default() }
    }

    /// The client's address; none where the system does not tell.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether an authenticated call has used the connection.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Marks the connection as used by an authenticated call: the listener then lets it stay.
    pub fn set_authenticated(&self) {
        self.authenticated.store(true, Ordering::Relaxed);
    }

    /// Whether a call on the connection was refused, because nothing vouches for its caller.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Marks the connection as one on which such a call was refused: the listener ends it, unless somebody has authenticated on it.
    pub fn set_refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }
}
