//! Strangers: clients of tunnels that have yet to prove who they are. Anybody can be one, so they hold none of the places of
//! the Pod's connections, and however many come, an honest one gets through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use karez_api::outcome::{Limit, Refusal};
use tokio::sync::oneshot;

/// Where they stand, on all workers: so many at a time. Who comes when it is full takes the place of the one that has stood
/// there longest. A handshake takes milliseconds, and silence is old by then.
#[derive(Debug)]
pub(super) struct Threshold {
    most: usize,
    strangers: Mutex<Strangers>,
}

#[derive(Debug, Default)]
struct Strangers {
    came: u64,
    /// In the order in which they came.
    standing: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(crate) struct Stranger {
    number: u64,
    threshold: Arc<Threshold>,
    displaced: oneshot::Receiver<()>,
}

impl Threshold {
    /// For at most `most`, which is not 0.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, strangers: Mutex::default() })
    }

    /// Takes the newest in.
    pub(super) fn enter(self: &Arc<Self>) -> Stranger {
        let (displace, displaced) = oneshot::channel();
        let mut strangers = self.lock();
        while strangers.standing.len() >= self.most
            && let Some((_, oldest)) = strangers.standing.pop_first()
        {
            // A receiver that is gone has left by itself.
            let _ = oldest.send(());
        }
        let number = strangers.came;
        strangers.came += 1;
        strangers.standing.insert(number, displace);
        Stranger { number, threshold: Arc::clone(self), displaced }
    }

    fn lock(&self) -> MutexGuard<'_, Strangers> {
        // Nothing under the lock can leave it half changed.
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// Returns once another one has taken the place. Cancel safe.
    pub(crate) async fn displaced(&mut self) -> Refusal {
        // The sender goes only when it is used.
        let _ = (&mut self.displaced).await;
        Refusal::LimitReached { limit: Limit::Handshakes }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.threshold.lock().standing.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
