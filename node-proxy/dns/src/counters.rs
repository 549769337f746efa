//! Counts queries by their outcome.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one worker's Pods, or of several. Any thread may read them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) requests: Counter,
    pub(crate) answered: Counter,
    pub(crate) malformed: Counter,
    pub(crate) forwarded: Counter,
    pub(crate) failed: Counter,
    pub(crate) dropped: Counter,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// All queries: Istio's `dns_requests`.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.value()
    }

    /// Queries answered from the mesh.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.value()
    }

    /// Malformed queries.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed.value()
    }

    /// Forwarded queries: Istio's `dns_upstream_requests`.
    #[must_use]
    pub fn forwarded(&self) -> u64 {
        self.forwarded.value()
    }

    /// Forwarded queries without an answer: Istio's `dns_upstream_failures`.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.value()
    }

    /// Datagrams dropped because too many of the Pod's queries were waiting.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.value()
    }
}
