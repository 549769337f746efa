//! Limits the connections of each Pod, and of all Pods together. A connection takes a slot for each of its descriptors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Descriptors reserved for each Pod's ready sockets.
const READY: usize = 24;

/// The connection slots of the whole process.
#[derive(Debug)]
pub(crate) struct ProcessQuota {
    most: usize,
    taken: AtomicUsize,
    kept: AtomicUsize,
}

/// The connection slots of one Pod.
#[derive(Debug)]
pub(crate) struct ConnectionQuota {
    all: Arc<ProcessQuota>,
    most: usize,
    kept: usize,
    taken: AtomicUsize,
}

/// A taken slot. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    quota: Arc<ConnectionQuota>,
}

impl ProcessQuota {
    /// `most` slots for all Pods.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0), kept: AtomicUsize::new(0) })
    }

    /// The quota of a Pod: at most `most` slots. `listeners` more descriptors are reserved.
    pub(crate) fn of_pod(self: &Arc<Self>, listeners: usize, most: usize) -> Arc<ConnectionQuota> {
        let kept = READY + listeners;
        self.kept.fetch_add(kept, Relaxed);
        Arc::new(ConnectionQuota { all: Arc::clone(self), most, kept, taken: AtomicUsize::new(0) })
    }

    /// Unreserved slots: at least a quarter, however many Pods there are.
    fn free(&self) -> usize {
        self.most.saturating_sub(self.kept.load(Relaxed)).max(self.most / 4)
    }
}

impl ConnectionQuota {
    /// Takes a slot. None at the Pod's limit, and at three quarters of all slots, which leaves room for other Pods.
    pub(crate) fn take(self: &Arc<Self>) -> Option<ConnectionSlot> {
        let free = self.all.free();
        let most = self.most.min(free / 4 * 3);
        if !try_take(&self.taken, most) {
            return None;
        }
        if !try_take(&self.all.taken, free) {
            self.taken.fetch_sub(1, Relaxed);
            return None;
        }
        Some(ConnectionSlot { quota: Arc::clone(self) })
    }

    /// Slots that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Counts first and then compares: of two concurrent calls both may be refused, but never both admitted.
fn try_take(taken: &AtomicUsize, most: usize) -> bool {
    let is_free = taken.fetch_add(1, Relaxed) < most;
    if !is_free {
        taken.fetch_sub(1, Relaxed);
    }
    is_free
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.quota.taken.fetch_sub(1, Relaxed);
        self.quota.all.taken.fetch_sub(1, Relaxed);
    }
}

impl Drop for ConnectionQuota {
    fn drop(&mut self) {
        self.all.kept.fetch_sub(self.kept, Relaxed);
    }
}

#[cfg(test)]
mod tests;
