//! How many calls each caller has open: bounded, because a call may bring megabytes before a service sees it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tokens::Caller;

/// Calls of one caller at a time. A node proxy makes ten at most; one that comes back does not wait for the end of its old ones.
pub(super) const MOST: usize = 32;

/// The open calls of all callers. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<HashMap<Caller, usize>>>);

/// An open call: it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Call {
    calls: Calls,
    caller: Caller,
}

impl Calls {
    /// One more of this caller's; None if it has as many as it may have.
    pub(super) fn begin(&self, caller: &Caller) -> Option<Call> {
        let mut counts = self.lock();
        let count = counts.entry(caller.clone()).or_default();
        (*count < MOST).then(|| {
            *count += 1;
            Call { calls: self.clone(), caller: caller.clone() }
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.calls.lock().entry(self.caller.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_has_its_own_bound_and_what_has_ended_does_not_count() {
        let calls = Calls::default();
        let [one, two] = ["one", "two"].map(|name| Caller::Node(name.to_owned()));
        let mut open: Vec<Call> = (0..MOST).map(|_| calls.begin(&one).unwrap()).collect();
        assert!(calls.begin(&one).is_none());
        let other = calls.begin(&two).unwrap();
        open.pop();
        open.push(calls.begin(&one).unwrap());
        assert!(calls.begin(&one).is_none());
        drop((open, other));
        assert!(calls.lock().is_empty(), "nothing is remembered of those who have none");
    }
}
