//! Tells work to end: a signal with a deadline, on several levels (process, Pod, connection).
//!
//! The owner of the work holds the [`Trigger`], the work a [`Drain`]. When [`Drain::started`] returns, graceful work
//! accepts no more and finishes what it has. When [`Drain::over`] returns, it drops everything. A lower level from
//! [`Drain::level`] drains with the one above or on its own, whichever is earlier.

use std::future::{Future, pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Starts the drain. Dropping it ends everything at once, so that no work outlives its owner.
#[derive(Debug)]
pub struct Trigger {
    end: watch::Sender<Option<Instant>>,
}

/// Observes the drain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Drain {
    /// Each level's deadline, from the top.
    levels: Vec<watch::Receiver<Option<Instant>>>,
}

/// A top level.
#[must_use]
pub fn new() -> (Trigger, Drain) {
    Drain { levels: Vec::new() }.level()
}

impl Trigger {
    /// Starts the drain, and cuts off what still runs after `deadline`. A later call can only bring the end nearer.
    pub fn start(&self, deadline: Duration) {
        self.end_at(Instant::now() + deadline);
    }

    /// Ends everything now.
    pub fn abort(&self) {
        self.end_at(Instant::now());
    }

    fn end_at(&self, new: Instant) {
        self.end.send_if_modified(|end| {
            let earlier = end.is_none_or(|old| new < old);
            if earlier {
                *end = Some(new);
            }
            earlier
        });
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Drain {
    /// A level below this one.
    #[must_use]
    pub fn level(&self) -> (Trigger, Drain) {
        let (sender, end) = watch::channel(None);
        let levels = self.levels.iter().cloned().chain([end]).collect();
        (Trigger { end: sender }, Self { levels })
    }

    /// When the drain ends, if it has begun.
    #[must_use]
    pub fn ends(&self) -> Option<Instant> {
        self.levels.iter().filter_map(|level| *level.borrow()).min()
    }

    /// Whether the drain has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.ends().is_some()
    }

    /// Returns once the drain has begun. Cancel-safe.
    pub async fn started(&self) {
        self.ends_before(None).await;
    }

    /// Returns once the drain's deadline has passed. Cancel-safe.
    pub async fn over(&self) {
        let mut end = self.ends_before(None).await;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                nearer = self.ends_before(Some(end)) => end = nearer,
            }
        }
    }

    /// Waits for any end, or for one earlier than `known`.
    async fn ends_before(&self, known: Option<Instant>) -> Instant {
        let mut levels = self.levels.clone();
        loop {
            if let Some(end) = self.ends().filter(|end| known.is_none_or(|known| *end < known)) {
                return end;
            }
            any_changed(&mut levels).await;
        }
    }
}

/// Returns when a level has changed since the last look.
async fn any_changed(levels: &mut [watch::Receiver<Option<Instant>>]) {
    let mut changes: Vec<_> = levels.iter_mut().map(|level| Box::pin(changed(level))).collect();
    poll_fn(|context| match changes.iter_mut().any(|change| change.as_mut().poll(context).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

async fn changed(level: &mut watch::Receiver<Option<Instant>>) {
    if level.changed().await.is_err() {
        // The trigger is gone, and sent its last value on drop.
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
