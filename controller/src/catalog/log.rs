//! Which names changed, step by step: numbered, bounded, and persistent as the maps are.

use std::collections::BTreeSet;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

/// Names that are remembered, unless one step alone has more: as many as a relabelled namespace of some thousand Pods makes.
const MAX_NAMES: usize = 20_000;

/// The last changes of one type.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// Names by the number of the step in which they changed.
    steps: RedBlackTreeMapSync<u64, Arc<[Arc<str>]>>,
    /// How many names there are in all steps.
    names: usize,
    /// The number of the last step.
    last: u64,
}

impl Log {
    /// The number of the last step.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds a step, and forgets the oldest ones beyond the bound.
    pub(super) fn add(&mut self, names: Vec<Arc<str>>) {
        self.last += 1;
        self.names += names.len();
        self.steps.insert_mut(self.last, names.into());
        while self.names > MAX_NAMES
            && let Some((oldest, names)) = self.steps.first().map(|(number, names)| (*number, names.len()))
        {
            self.names -= names;
            self.steps.remove_mut(&oldest);
        }
    }

    /// The names that changed after a step; none when that is too long ago to know.
    pub(super) fn since(&self, step: u64) -> Option<BTreeSet<&Arc<str>>> {
        let next = step + 1;
        if step < self.last && !self.steps.contains_key(&next) {
            return None;
        }
        Some(self.steps.range(next..).flat_map(|(_, names)| names.iter()).collect())
    }
}
