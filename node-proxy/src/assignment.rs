//! The work of the workers, as one value. It is published whole, and each worker adjusts to it. All poll every
//! listener, so that a free worker takes the next connection, and none waits for a stuck worker.

use std::collections::HashMap;
use std::sync::Arc;

use karez_handover::listener::{Listener, Listening};
use karez_handover::pod::PodReference;

use crate::pod::Pod;

/// A listener of a Pod, by its position in the handover.
pub(crate) type ListenerId = (PodReference, usize);

/// The work of every worker: the same for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerAssignment {
    /// Listeners to poll.
    pub(crate) listeners: HashMap<ListenerId, AssignedListener>,
    /// All carried Pods by their uid in the mesh. Workers close the connections of all others.
    pub(crate) pods: HashMap<Arc<str>, Arc<Pod>>,
}

/// A listener that workers poll.
#[derive(Debug, Clone)]
pub(crate) struct AssignedListener {
    /// The Pod that it belongs to.
    pub(crate) pod: Arc<Pod>,
    /// The socket.
    pub(crate) listener: Listener,
}

/// A Pod that this process carries, with the listeners that workers poll.
#[derive(Debug, Clone)]
pub(crate) struct CarriedPod {
    /// The Pod.
    pub(crate) pod: Arc<Pod>,
    /// All its listeners.
    pub(crate) listeners: Arc<[Listener]>,
    /// The polled ones.
    pub(crate) polled: Polled,
}

/// Which of a Pod's listeners workers poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// All.
    All,
    /// Those that the Pod's rules redirect to. The Pod is leaving: its rules redirect nothing new, but earlier
    /// connections are still in the queues, or on their way there.
    Redirected,
    /// None: connections wait in the queues for the next node proxy.
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

impl WorkerAssignment {
    /// The assignment that carries these Pods.
    pub(crate) fn of<'a>(carried: impl Iterator<Item = &'a CarriedPod>) -> Self {
        let mut assignment = Self::default();
        for CarriedPod { pod, listeners, polled } in carried {
            assignment.pods.insert(Arc::clone(&pod.member.local.uid), Arc::clone(pod));
            let wanted =
                listeners.iter().enumerate().filter(|(_, listener)| polled.includes(listener.role.kind));
            assignment.listeners.extend(wanted.map(|(position, listener)| {
                let assigned = AssignedListener { pod: Arc::clone(pod), listener: listener.clone() };
                ((pod.enrolled.reference.clone(), position), assigned)
            }));
        }
        assignment
    }
}

#[cfg(test)]
pub(crate) mod tests;
