//! Changes cut into responses of bounded size. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::catalog::{Changes, Entry};

/// What a removed name takes beside its bytes.
const REMOVAL_OVERHEAD: usize = 8;

/// Resources to send in one response.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) set: Vec<Arc<Entry>>,
    pub(super) removed: Vec<Arc<str>>,
}

/// Cuts changes into batches of at most `limit` bytes, unless one resource alone is bigger; at least one batch.
///
/// Removals go first: an address may go from a workload that is gone to one that has come.
pub(super) fn cut(changes: Changes, limit: usize) -> VecDeque<Batch> {
    let mut cutting = Cutting { limit, full: VecDeque::new(), open: Batch::default(), size: 0 };
    for name in changes.removed {
        cutting.room(name.len() + REMOVAL_OVERHEAD).removed.push(name);
    }
    for entry in changes.set {
        cutting.room(entry.size()).set.push(entry);
    }
    cutting.full.push_back(cutting.open);
    cutting.full
}

struct Cutting {
    limit: usize,
    full: VecDeque<Batch>,
    open: Batch,
    size: usize,
}

impl Cutting {
    /// A batch with room for so many bytes more.
    fn room(&mut self, more: usize) -> &mut Batch {
        if self.size > 0 && self.size + more > self.limit {
            self.full.push_back(std::mem::take(&mut self.open));
            self.size = 0;
        }
        self.size += more;
        &mut self.open
    }
}

#[cfg(test)]
mod tests;
