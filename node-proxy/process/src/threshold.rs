//! Strangers: clients that have yet to prove who they are. Anybody can be one, so they hold none of the places of those who have,
//! and however many come, an honest one gets through.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

/// Where they stand, on all threads: so many at a time. Who comes when it is full takes the place of the one that has stood
/// there longest. A handshake takes milliseconds, and silence is old by then.
#[derive(Debug)]
pub struct Threshold {
    most: usize,
    strangers: Mutex<Strangers>,
}

#[derive(Debug, Default)]
struct Strangers {
    came: u64,
    /// In the order in which they came.
    standing: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One of them, until dropped. As a future it is ready once another one has taken the place.
#[derive(Debug)]
pub struct Stranger {
    number: u64,
    threshold: Arc<Threshold>,
    /// None once it was displaced.
    staying: Option<oneshot::Receiver<()>>,
}

impl Threshold {
    /// For at most `most`, which is not 0.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, strangers: Mutex::default() })
    }

    /// Takes the newest in.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Stranger {
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
        Stranger { number, threshold: Arc::clone(self), staying: Some(displaced) }
    }

    fn lock(&self) -> MutexGuard<'_, Strangers> {
        // Nothing under the lock can leave it half changed.
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Stranger {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(staying) = &mut self.staying {
            // The sender goes only when it is used.
            let _ = ready!(Pin::new(staying).poll(context));
            self.staying = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.threshold.lock().standing.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
