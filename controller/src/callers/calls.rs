//! How many calls are open with each token: bounded, because a call may bring megabytes before a service sees it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tokens::Presented;

/// Calls with one token at a time. A node proxy makes ten at most; one that comes back does not wait for the end of its old ones.
pub(super) const MOST: usize = 32;

/// All open calls. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<BTreeMap<Presented, usize>>>);

/// An open call: it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Call {
    calls: Calls,
    token: Presented,
}

impl Calls {
    /// One more with this token; None if it has as many as it may have.
    pub(super) fn begin(&self, token: Presented) -> Option<Call> {
        let mut counts = self.lock();
        let count = counts.entry(token).or_default();
        (*count < MOST).then(|| {
            *count += 1;
            Call { calls: self.clone(), token }
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Presented, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.calls.lock().entry(self.token) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
