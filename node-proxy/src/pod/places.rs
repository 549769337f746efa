//! How many connections a Pod may have open, and all Pods together: a place for each descriptor that one takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Kept for each Pod beside its connections: sockets that are ready.
const READY: usize = 24;

/// The places of the process.
#[derive(Debug)]
pub(crate) struct AllPlaces {
    most: usize,
    taken: AtomicUsize,
    kept: AtomicUsize,
}

/// The places of one Pod.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<AllPlaces>,
    most: usize,
    kept: usize,
    taken: AtomicUsize,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
}

impl AllPlaces {
    /// So many.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0), kept: AtomicUsize::new(0) })
    }

    /// For a Pod that may have `most`; its listeners take so many descriptors.
    pub(crate) fn of_pod(self: &Arc<Self>, listeners: usize, most: usize) -> Arc<Places> {
        let kept = READY + listeners;
        self.kept.fetch_add(kept, Relaxed);
        Arc::new(Places { all: Arc::clone(self), most, kept, taken: AtomicUsize::new(0) })
    }

    /// What is for connections: however many Pods there are, a quarter.
    fn free(&self) -> usize {
        self.most.saturating_sub(self.kept.load(Relaxed)).max(self.most / 4)
    }
}

impl Places {
    /// One of them; None if the Pod has as many as it may, or three quarters of all: other Pods get through.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let free = self.all.free();
        let most = self.most.min(free / 4 * 3);
        if !enter(&self.taken, most) {
            return None;
        }
        if !enter(&self.all.taken, free) {
            self.taken.fetch_sub(1, Relaxed);
            return None;
        }
        Some(Place { places: Arc::clone(self) })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Counted first and compared then: two that come at once may both be refused, never both admitted.
fn enter(taken: &AtomicUsize, most: usize) -> bool {
    let entered = taken.fetch_add(1, Relaxed) < most;
    if !entered {
        taken.fetch_sub(1, Relaxed);
    }
    entered
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Relaxed);
        self.places.all.taken.fetch_sub(1, Relaxed);
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.all.kept.fetch_sub(self.kept, Relaxed);
    }
}

#[cfg(test)]
mod tests;
