//! A worker's load, for other threads.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A worker's load, as last published.
#[derive(Debug, Default)]
pub(crate) struct Load {
    connections: AtomicUsize,
    tunnels: AtomicUsize,
}

impl Load {
    /// Publishes the numbers of open connections and of dialled tunnels.
    pub(crate) fn publish(&self, connections: usize, tunnels: usize) {
        self.connections.store(connections, Relaxed);
        self.tunnels.store(tunnels, Relaxed);
    }

    /// Open connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Dialled tunnels.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Relaxed)
    }
}
