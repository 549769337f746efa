//! Which worker polls which listener: a pure decision.
//!
//! A Pod's listeners form SO_REUSEPORT groups, and the kernel gives each member its share of new connections whether it is
//! polled or not. So every member is polled by some worker, and while a worker stalls its neighbour polls for it.

/// A worker's number, from 0.
pub(crate) type WorkerIndex = usize;

/// The worker that polls member `member` of a Pod's groups when all are well.
///
/// `pod` spreads Pods with a single listener over the workers; any number that stays with the Pod will do.
pub(crate) fn home(pod: u64, member: usize, workers: usize) -> WorkerIndex {
    let workers = workers.max(1) as u64;
    usize::try_from((pod % workers + member as u64 % workers) % workers).unwrap_or(0)
}

/// The next worker after `stalled` that is not itself stalled; `None` when no other works.
pub(crate) fn neighbour(stalled: WorkerIndex, is_stalled: &[bool]) -> Option<WorkerIndex> {
    let count = is_stalled.len();
    (1..count).map(|step| (stalled + step) % count).find(|index| is_stalled.get(*index) == Some(&false))
}

#[cfg(test)]
mod tests;
