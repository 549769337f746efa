//! How many connections a Pod may have open, and all Pods together: a place for each descriptor that one takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Strangers at a time, at most: each costs memory before it has proven anything.
const MOST_STRANGERS: usize = 1024;
/// And one for so many connections that the Pod may have.
const CONNECTIONS_A_STRANGER: usize = 4;

/// The places of a Pod, or of the process.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    most: usize,
    /// Whose places these are among; None for the process.
    within: Option<Arc<Self>>,
}

/// How the places of a process are shared out, as its limit of open files allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// For one Pod.
    pub(crate) pod: usize,
    /// For all together.
    pub(crate) process: usize,
    /// Beside them: clients of one Pod that have yet to prove who they are.
    pub(crate) strangers: usize,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
}

impl Shares {
    /// With `open_files`, of which Pods together get seven eighths and one gets three quarters, but no more than `wanted`. The
    /// rest is for strangers, tunnels, DNS, sockets that are ready, the agent and the controller.
    pub(crate) fn of(open_files: u64, wanted: usize) -> Self {
        let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
        let pod = wanted.min(open_files / 4 * 3);
        let strangers = pod.div_ceil(CONNECTIONS_A_STRANGER).min(open_files / 64).clamp(1, MOST_STRANGERS);
        Self { pod, process: open_files / 8 * 7, strangers }
    }
}

impl Places {
    /// Of all Pods.
    pub(crate) fn of_process(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most, within: None })
    }

    /// Of one Pod, among those of all.
    pub(crate) fn of_pod(most: usize, all: Arc<Self>) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most, within: Some(all) })
    }

    /// One of them; None if as many are taken as may be.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        self.enter().then(|| Place { places: Arc::clone(self) })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn enter(&self) -> bool {
        // Counted first and compared then: two that come at once may both be refused, never both admitted.
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        let entered = before < self.most && self.within.as_ref().is_none_or(|all| all.enter());
        if !entered {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        entered
    }

    fn leave(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(all) = &self.within {
            all.leave();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave();
    }
}

#[cfg(test)]
mod tests;
