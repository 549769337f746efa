//! One stream's part of its Pod's account.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use super::{Account, lock};

/// A stream's entry in its account. Any thread that looks for the largest reads it.
#[derive(Debug, Default)]
pub(super) struct StreamEntry {
    held: AtomicUsize,
    evicted: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl StreamEntry {
    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// Evicts the stream. Returns the bytes that it held, which no longer count.
    pub(super) fn evict(&self) -> usize {
        self.evicted.store(true, Release);
        let held = self.held.swap(0, AcqRel);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
        held
    }

    fn watch(&self, waker: &Waker) {
        let mut registered = lock(&self.waker);
        if !registered.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *registered = Some(waker.clone());
        }
    }
}

/// One stream's part of an [`Account`]. Dropping it refunds its bytes.
#[derive(Debug)]
pub(crate) struct Holding {
    account: Arc<Account>,
    /// None until the stream stalls for the first time.
    entry: Option<(u64, Arc<StreamEntry>)>,
}

/// The stream was evicted, because it held the most unread bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evicted;

impl Holding {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account, entry: None }
    }

    /// Bytes this stream may still buffer while half of each limit stays free.
    pub(crate) fn room(&self) -> usize {
        self.account.window(1) as usize
    }

    /// Sets the stream's unread bytes. `waker` is woken if the stream is evicted.
    ///
    /// # Errors
    /// When the stream is evicted.
    pub(crate) fn set(&mut self, bytes: usize, waker: &Waker) -> Result<(), Evicted> {
        if bytes == 0 && self.entry.is_none() {
            return Ok(());
        }
        let account = &self.account;
        let (_, entry) = self.entry.get_or_insert_with(|| account.register());
        // Before the flag is read, so that an eviction in between is seen either way.
        entry.watch(waker);
        if entry.evicted.load(Acquire) {
            return Err(Evicted);
        }
        let before = entry.held.load(Acquire);
        // Charged before it shows, and hidden before it is refunded: an eviction by another thread never refunds unpaid
        // bytes.
        let (more, less) = (bytes.saturating_sub(before), before.saturating_sub(bytes));
        account.charge(more);
        if entry.held.compare_exchange(before, bytes, AcqRel, Acquire).is_err() {
            account.refund(more);
            return Err(Evicted);
        }
        account.refund(less);
        if more > 0 {
            account.relieve();
        }
        if entry.evicted.load(Acquire) { Err(Evicted) } else { Ok(()) }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some((number, entry)) = self.entry.take() {
            self.account.unregister(number);
            self.account.refund(entry.held.swap(0, AcqRel));
        }
    }
}
