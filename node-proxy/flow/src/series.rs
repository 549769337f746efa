//! Counts of one label set, and the register of all.
//!
//! Each worker counts in its own [`Series`]. A scrape reads them through the register, with the bytes of living
//! connections. A worker that releases a series leaves its counts in the label set's base, so a sum never falls. The
//! label set goes with its last worker.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::labels::Labels;

/// Living connections whose room is never given back.
const ROOM: usize = 64;

/// Bytes that a connection has moved, seen from the reporting side's workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes that the workload sent.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
}

/// Returns the bytes that a living connection has moved.
pub(crate) type Progress = Box<dyn Fn() -> Moved + Send + Sync>;

/// Counts of one label set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) moved: Moved,
    /// By the value of `response_flags`.
    pub(crate) failed: BTreeMap<&'static str, u64>,
}

/// All label sets in use.
#[derive(Debug)]
pub(crate) struct Register {
    limit: usize,
    entries: Mutex<BTreeMap<Labels, SeriesEntry>>,
}

#[derive(Debug, Default)]
struct SeriesEntry {
    /// Counts of workers that have released the series.
    base: Totals,
    held: Vec<Arc<Counts>>,
}

/// One worker's counts of one label set. The worker locks them when a connection begins and ends, a scrape when it
/// reads.
#[derive(Debug, Default)]
struct Counts(Mutex<State>);

#[derive(Default)]
struct State {
    ended: Totals,
    living: HashMap<u64, Progress>,
    next: u64,
}

/// One worker's handle on a label set.
#[derive(Debug)]
pub(crate) struct Series {
    labels: Labels,
    counts: Arc<Counts>,
    register: Arc<Register>,
}

/// A connection counted as living in its series.
#[derive(Debug)]
pub(crate) struct Living(u64);

impl Register {
    /// At most `limit` label sets, besides those without peers.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, entries: Mutex::default() })
    }

    /// A new handle on a label set. None if there are too many.
    pub(crate) fn series(self: &Arc<Self>, labels: &Labels) -> Option<Series> {
        let mut entries = self.entries();
        if entries.len() >= self.limit && !entries.contains_key(labels) {
            return None;
        }
        Some(self.hold(&mut entries, labels))
    }

    /// A new handle on a label set without peers. These are few, so they need no limit.
    pub(crate) fn series_without_peers(self: &Arc<Self>, labels: &Labels) -> Series {
        self.hold(&mut self.entries(), &labels.without_peers())
    }

    fn hold(self: &Arc<Self>, entries: &mut BTreeMap<Labels, SeriesEntry>, labels: &Labels) -> Series {
        let counts = Arc::new(Counts::default());
        entries.entry(labels.clone()).or_default().held.push(Arc::clone(&counts));
        Series { labels: labels.clone(), counts, register: Arc::clone(self) }
    }

    /// The sums of all workers, by label set.
    pub(crate) fn totals(&self) -> Vec<(Labels, Totals)> {
        self.entries().iter().map(|(labels, entry)| (labels.clone(), entry.total())).collect()
    }

    fn release(&self, labels: &Labels, counts: &Arc<Counts>) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(labels) else {
            return;
        };
        entry.held.retain(|held| !Arc::ptr_eq(held, counts));
        counts.add_to(&mut entry.base);
        if entry.held.is_empty() {
            entries.remove(labels);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Labels, SeriesEntry>> {
        // The map is consistent at every point under the lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesEntry {
    fn total(&self) -> Totals {
        let mut total = self.base.clone();
        for counts in &self.held {
            counts.add_to(&mut total);
        }
        total
    }
}

impl Counts {
    fn add_to(&self, total: &mut Totals) {
        let state = self.state();
        total.opened += state.ended.opened;
        total.closed += state.ended.closed;
        total.moved.add(state.ended.moved);
        for progress in state.living.values() {
            total.moved.add(progress());
        }
        for (flag, count) in &state.ended.failed {
            *total.failed.entry(flag).or_default() += count;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("ended", &self.ended).field("living", &self.living.len()).finish()
    }
}

impl Moved {
    fn add(&mut self, more: Self) {
        self.sent = self.sent.wrapping_add(more.sent);
        self.received = self.received.wrapping_add(more.received);
    }
}

impl Series {
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Counts a connection as opened, and its bytes from now on.
    pub(crate) fn begin(&self, progress: Progress) -> Living {
        let mut state = self.counts.state();
        state.ended.opened += 1;
        state.next += 1;
        let id = state.next;
        state.living.insert(id, progress);
        Living(id)
    }

    /// Counts it as closed, and as failed if it has a flag. Returns the bytes it moved.
    pub(crate) fn end(&self, Living(id): Living, failed: Option<&'static str>) -> Moved {
        let mut state = self.counts.state();
        let moved = state.living.remove(&id).map(|progress| progress()).unwrap_or_default();
        // Shrinks the map after a burst of connections.
        if state.living.capacity() > 4 * state.living.len() + ROOM {
            let room = 2 * state.living.len() + ROOM;
            state.living.shrink_to(room);
        }
        state.ended.moved.add(moved);
        state.ended.closed += 1;
        if let Some(flag) = failed {
            *state.ended.failed.entry(flag).or_default() += 1;
        }
        moved
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        self.register.release(&self.labels, &self.counts);
    }
}

#[cfg(test)]
mod tests;
