//! How many connections a Pod may have open, and all Pods together: a place for each descriptor that one takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Kept for each Pod beside its connections: its listeners, and sockets that are ready.
const KEPT_FOR_A_POD: usize = 64;

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

    /// For a Pod that may have `most`.
    pub(crate) fn of_pod(self: &Arc<Self>, most: usize) -> Arc<Places> {
        self.kept.fetch_add(KEPT_FOR_A_POD, Relaxed);
        Arc::new(Places { all: Arc::clone(self), most, taken: AtomicUsize::new(0) })
    }

    /// What is for connections.
    fn free(&self) -> usize {
        self.most.saturating_sub(self.kept.load(Relaxed))
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
        self.all.kept.fetch_sub(KEPT_FOR_A_POD, Relaxed);
    }
}

#[cfg(test)]
mod tests;
