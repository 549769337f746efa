//! A worker's load, which other threads read.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A worker's load, as it said last.
#[derive(Debug, Default)]
pub(crate) struct Load {
    connections: AtomicUsize,
    tunnels: AtomicUsize,
}

impl Load {
    /// The worker has so many open connections, and so many tunnels that it has dialled.
    pub(crate) fn publish(&self, connections: usize, tunnels: usize) {
        self.connections.store(connections, Relaxed);
        self.tunnels.store(tunnels, Relaxed);
    }

    /// Connections that are open on it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Tunnels that it has dialled.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Relaxed)
    }
}
