//! What the workers have to do, as a value: published whole, each worker adjusts itself to it. All poll every listener, so that a
//! connection goes to a worker that is free, and none waits for one that is stuck.

use std::collections::HashMap;
use std::sync::Arc;

use karez_handover::listener::{Listener, Listening};
use karez_handover::pod::PodReference;

use crate::pod::Pod;

/// A listener of a Pod: its position among those that were handed over.
pub(crate) type ListenerId = (PodReference, usize);

/// The duties of every worker.
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

impl Duties {
    /// What the Pods that are carried amount to.
    pub(crate) fn of<'a>(carried: impl Iterator<Item = &'a Carried>) -> Self {
        let mut duties = Self::default();
        for Carried { pod, listeners, polled } in carried {
            duties.pods.insert(Arc::clone(&pod.local.uid), Arc::clone(pod));
            let wanted =
                listeners.iter().enumerate().filter(|(_, listener)| polled.includes(listener.role.kind));
            duties.listeners.extend(wanted.map(|(position, listener)| {
                let duty = Duty { pod: Arc::clone(pod), listener: listener.clone() };
                ((pod.enrolled.reference.clone(), position), duty)
            }));
        }
        duties
    }
}

#[cfg(test)]
pub(crate) mod tests;
