//! Which objects of a kind are there. Pure.
//!
//! A watch that has lost its place begins with a new list. What was there before and is not in the list has gone in the gap,
//! and nobody else says so.

use std::collections::BTreeSet;

use karez_resources::Key;

/// The objects of a kind.
#[derive(Debug, Default)]
pub(super) struct Listing {
    present: BTreeSet<Key>,
    /// What the list that is under way has not named yet.
    missing: BTreeSet<Key>,
}

impl Listing {
    /// A list begins.
    pub(super) fn begin(&mut self) {
        self.missing.clone_from(&self.present);
    }

    /// The object is there.
    pub(super) fn seen(&mut self, key: &Key) {
        self.missing.remove(key);
        if !self.present.contains(key) {
            self.present.insert(key.clone());
        }
    }

    /// The object has gone.
    pub(super) fn gone(&mut self, key: &Key) {
        self.missing.remove(key);
        self.present.remove(key);
    }

    /// The list is whole: returns the objects that have gone since the last one.
    pub(super) fn end(&mut self) -> BTreeSet<Key> {
        let lost = std::mem::take(&mut self.missing);
        self.present.retain(|key| !lost.contains(key));
        lost
    }
}

#[cfg(test)]
mod tests;
