//! Limits unread bytes, for the process and for each Pod.
//!
//! A byte is unread from its arrival, by a tunnel or not, until the socket at the other end takes it. Streams that keep
//! up do not count. A stalled stream counts its received bytes, at most its window. A Pod that exceeds its share loses
//! its largest stream. When all exceed the total, the largest Pod does.

mod growth;
mod holding;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub(crate) use growth::{Growth, RoundShare};
use holding::StreamEntry;
pub(crate) use holding::{Evicted, Holding};

/// The limits of a [`Budget`], in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the whole process.
    pub total: usize,
    /// For the streams that one Pod sends on.
    pub share: usize,
}

impl Limits {
    /// `total`, with a quarter of it for one Pod.
    #[must_use]
    pub fn of(total: usize) -> Self {
        Self { total, share: total / 4 }
    }
}

impl Default for Limits {
    /// For 256 MiB.
    fn default() -> Self {
        Self::of(256 << 20)
    }
}

/// The process's limit on unread bytes, shared by all workers.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    held: AtomicUsize,
    accounts: Mutex<Vec<Weak<Account>>>,
}

/// Unread bytes of the streams of one source Pod. Outbound connections share the account of the local Pod that dialled;
/// inbound ones the peer's.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    held: AtomicUsize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    by_number: BTreeMap<u64, Arc<StreamEntry>>,
}

impl Budget {
    /// A budget without accounts.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, held: AtomicUsize::new(0), accounts: Mutex::default() })
    }

    /// Opens one Pod's account. It closes with the last connection that uses it.
    #[must_use]
    pub fn account(self: &Arc<Self>) -> Arc<Account> {
        let account =
            Arc::new(Account { budget: self.clone(), held: AtomicUsize::new(0), entries: Mutex::default() });
        let mut accounts = lock(&self.accounts);
        // Amortised: the list is swept when it would grow.
        if accounts.len() == accounts.capacity() {
            accounts.retain(|account| account.strong_count() > 0);
        }
        accounts.push(Arc::downgrade(&account));
        account
    }

    /// Unread bytes of the process.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    fn largest(&self) -> Option<Arc<Account>> {
        lock(&self.accounts).iter().filter_map(Weak::upgrade).max_by_key(|account| account.held())
    }
}

impl Account {
    /// Unread bytes of this Pod's streams.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// The largest window for a connection with `streams`: if all of them stalled now, unread bytes would still be half
    /// of both limits. The other half stays for new streams at their first window.
    pub(crate) fn window(&self, streams: usize) -> u32 {
        let Limits { total, share } = self.budget.limits;
        let room =
            (share / 2).saturating_sub(self.held()).min((total / 2).saturating_sub(self.budget.held()));
        u32::try_from(room / streams.max(1)).unwrap_or(u32::MAX)
    }

    /// Enters a stream that begins to hold bytes.
    fn register(&self) -> (u64, Arc<StreamEntry>) {
        let mut entries = lock(&self.entries);
        let number = entries.next;
        entries.next = entries.next.wrapping_add(1);
        let entry = Arc::new(StreamEntry::default());
        entries.by_number.insert(number, entry.clone());
        (number, entry)
    }

    fn unregister(&self, number: u64) {
        lock(&self.entries).by_number.remove(&number);
    }

    fn charge(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.held.fetch_add(bytes, Relaxed);
        self.budget.held.fetch_add(bytes, Relaxed);
    }

    fn refund(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.held.fetch_sub(bytes, Relaxed);
        self.budget.held.fetch_sub(bytes, Relaxed);
    }

    /// Evicts streams until the limits hold. The caller has just charged bytes.
    fn relieve(&self) {
        while self.held() > self.budget.limits.share && self.evict_largest() {}
        while self.budget.held() > self.budget.limits.total
            && self.budget.largest().is_some_and(|account| account.evict_largest())
        {}
    }

    /// Evicts the largest stream. Returns false if there is none.
    fn evict_largest(&self) -> bool {
        let largest = {
            let entries = lock(&self.entries);
            entries.by_number.values().max_by_key(|entry| entry.held()).cloned()
        };
        let freed = largest.map_or(0, |entry| entry.evict());
        self.refund(freed);
        freed > 0
    }
}

/// A panic elsewhere leaves a valid list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
