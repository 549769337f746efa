//! What each worker has to do, as a value: published whole, the worker adjusts itself to it.

use std::collections::HashMap;
use std::sync::Arc;

use karez_handover::listener::{Listener, Listening};
use karez_handover::pod::PodReference;

use crate::assignment;
use crate::pod::Pod;

/// A listener of a Pod: its position among those that were handed over.
pub(crate) type ListenerId = (PodReference, usize);

/// One worker's duties.
#[derive(Debug, Clone, Default)]
pub(crate) struct Duties {
    /// Listeners to poll.
    pub(crate) listeners: HashMap<ListenerId, Duty>,
    /// All Pods of this process by the uid that the mesh knows them by; connections of others are to be closed.
    pub(crate) pods: HashMap<Arc<str>, Arc<Pod>>,
}

/// A listener to poll.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    /// Whose it is.
    pub(crate) pod: Arc<Pod>,
    /// The socket.
    pub(crate) listener: Listener,
}

/// A Pod that is carried, and those of its listeners that are to be polled.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    /// The Pod.
    pub(crate) pod: Arc<Pod>,
    /// All that it has.
    pub(crate) listeners: Arc<[Listener]>,
    /// Which of them are to be polled.
    pub(crate) polled: Polled,
}

/// Which of a Pod's listeners are to be polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// All.
    All,
    /// Those to which connections are redirected. The Pod leaves, its rules redirect nothing new, and what they redirected
    /// before is still in the queues, or on its way into them.
    Redirected,
    /// None: what comes waits for the next node proxy.
    Nothing,
}

impl Polled {
    fn includes(self, kind: Listening) -> bool {
        match self {
            Self::All => true,
            Self::Redirected => kind != Listening::Hbone,
            Self::Nothing => false,
        }
    }
}

/// Shares the listeners out among the workers; those of a stalled worker are polled by its neighbour as well.
pub(crate) fn share_out<'a>(carried: impl Iterator<Item = &'a Carried>, is_stalled: &[bool]) -> Vec<Duties> {
    let mut all = vec![Duties::default(); is_stalled.len()];
    for Carried { pod, listeners, polled } in carried {
        for duties in &mut all {
            duties.pods.insert(Arc::clone(&pod.local.uid), Arc::clone(pod));
        }
        let reference = &pod.enrolled.reference;
        let mut members = HashMap::new();
        for (position, listener) in listeners.iter().enumerate() {
            if !polled.includes(listener.role.kind) {
                continue;
            }
            let member = members.entry(listener.role).and_modify(|member| *member += 1).or_insert(0_usize);
            let home = assignment::home(reference.sandbox.inode, *member, all.len());
            let substitute = match is_stalled.get(home) {
                Some(true) => assignment::neighbour(home, is_stalled),
                Some(false) | None => None,
            };
            for worker in [Some(home), substitute].into_iter().flatten() {
                if let Some(duties) = all.get_mut(worker) {
                    let duty = Duty { pod: Arc::clone(pod), listener: listener.clone() };
                    duties.listeners.insert((reference.clone(), position), duty);
                }
            }
        }
    }
    all
}

#[cfg(test)]
pub(crate) mod tests;
