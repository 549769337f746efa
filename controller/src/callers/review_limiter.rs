//! How much of the API server one address may use, so that no Pod locks the mesh's own programs out. Pure.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

/// Addresses that are remembered; the one that called least recently gives way.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Callers of one address that may wait: a node proxy opens its calls side by side.
pub(super) const WAITING_EACH: usize = 64;
/// Reviews of one address that may end in a refusal at once.
pub(super) const BURST: u32 = 32;
/// After that, one more each so often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Counts by address. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct ReviewLimiter(Arc<Mutex<LruCache<IpAddr, Usage>>>);

/// What an address has used.
#[derive(Debug, Default)]
struct Usage {
    waiting: usize,
    /// The theoretical arrival time of its next review, as the generic cell rate algorithm has it.
    arrival: Option<Instant>,
}

/// A caller that waits: it counts until this is dropped.
#[derive(Debug)]
pub(super) struct WaitPermit {
    limiter: ReviewLimiter,
    address: IpAddr,
}

impl ReviewLimiter {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(ADDRESSES))))
    }

    /// One more caller of this address waits; None if as many do as may.
    pub(super) fn wait(&self, address: IpAddr) -> Option<WaitPermit> {
        let mut usages = self.lock();
        let usage = usages.get_or_insert_mut(address, Usage::default);
        (usage.waiting < WAITING_EACH).then(|| {
            usage.waiting += 1;
            WaitPermit { limiter: self.clone(), address }
        })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<IpAddr, Usage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitPermit {
    /// Takes one review, if the address may have it at `now`.
    #[must_use]
    pub(super) fn take_review(&self, now: Instant) -> bool {
        let mut usages = self.limiter.lock();
        let usage = usages.get_or_insert_mut(self.address, Usage::default);
        let arrival = usage.arrival.filter(|arrival| *arrival > now).unwrap_or(now) + INTERVAL;
        let fits = arrival.duration_since(now) <= INTERVAL * BURST;
        if fits {
            usage.arrival = Some(arrival);
        }
        fits
    }

    /// Gives it back: the review was of a caller that is known, or there was no answer.
    pub(super) fn give_back(&self) {
        if let Some(usage) = self.limiter.lock().peek_mut(&self.address) {
            usage.arrival = usage.arrival.and_then(|arrival| arrival.checked_sub(INTERVAL));
        }
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        // An address that had to give way meanwhile counts from zero.
        if let Some(usage) = self.limiter.lock().peek_mut(&self.address) {
            usage.waiting = usage.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
