//! The task of one pooled connection, from its dial to its end.

use std::hash::Hash;
use std::pin::pin;
use std::rc::Weak;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Inner, Transport};
use crate::deadline_future::DeadlineFuture;

/// A pooled connection's pool, key and id.
pub(super) struct PoolSlot<K, E, T> {
    pub(super) pool: Weak<Inner<K, E, T>>,
    pub(super) key: K,
    pub(super) id: u64,
}

/// Dials, reports the outcome to the waiting callers, and drives the connection until it ends.
pub(super) async fn run<K, E, T, D>(
    slot: PoolSlot<K, E, T>,
    dial: impl Future<Output = Result<(T, D), E>>,
    outcome: watch::Sender<Option<Result<(), E>>>,
    cancelled: oneshot::Receiver<()>,
) where
    K: Eq + Hash,
    T: Transport,
    D: Future,
{
    let dialled = tokio::select! {
        biased;
        _ = cancelled => return,
        dialled = dial => dialled,
    };
    let (connection, driver) = match dialled {
        Ok(dialled) => dialled,
        Err(error) => {
            slot.end_dial(None);
            outcome.send_replace(Some(Err(error)));
            return;
        }
    };
    if !slot.end_dial(Some(connection.clone())) {
        return;
    }
    outcome.send_replace(Some(Ok(())));
    drop(outcome);
    let close_timeout = slot.pool.upgrade().map(|pool| pool.limits.close_timeout).unwrap_or_default();
    let mut driver = pin!(driver);
    let unused = pin!(slot.wait_until_unused(connection));
    let ended = tokio::select! {
        biased;
        // Each of its streams reports how it ended.
        _ = &mut driver => true,
        () = DeadlineFuture::new(unused) => false,
    };
    // Not earlier: a retired connection must stay closable while it has streams.
    slot.leave();
    if !ended {
        // Without a handle the connection sends GOAWAY and ends. The timeout covers a peer that does not read that.
        timeout(close_timeout, driver).await.ok();
    }
}

impl<K: Eq + Hash, E, T: Transport> PoolSlot<K, E, T> {
    fn end_dial(&self, connection: Option<T>) -> bool {
        let pool = self.pool.upgrade();
        let wanted =
            pool.and_then(|pool| pool.with_entry(&self.key, |entry| entry.end_dial(self.id, connection)));
        wanted == Some(true)
    }

    /// Returns when the connection was without streams for its idle time; at once if the pool no longer uses it.
    async fn wait_until_unused(&self, connection: T) {
        loop {
            connection.idle().await;
            let Some(since) = connection.idle_since() else {
                continue;
            };
            if self.stays_idle(&connection, since).await {
                return;
            }
        }
    }

    /// Whether the connection stayed idle from `since` for its whole idle time.
    async fn stays_idle(&self, connection: &T, since: Instant) -> bool {
        loop {
            let Some((surplus, step, end)) = self.retention(since) else {
                return true;
            };
            let now = Instant::now();
            if now >= end || (surplus && now >= since + step) {
                return true;
            }
            // First at the surplus time, then in steps, as the connection may become surplus later.
            let next = if now < since + step { since + step } else { now + step };
            sleep_until(end.min(next)).await;
            if connection.idle_since() != Some(since) {
                return false;
            }
        }
    }

    /// Whether the key has other connections, how often to check, and until when to stay. None if the pool no longer
    /// uses this one.
    fn retention(&self, since: Instant) -> Option<(bool, std::time::Duration, Instant)> {
        let pool = self.pool.upgrade()?;
        let entries = pool.entries.borrow();
        let entry = entries.get(&self.key).filter(|entry| entry.uses(self.id))?;
        Some((entry.has_other_than(self.id), pool.limits.surplus_idle, since + pool.limits.idle))
    }

    fn leave(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.remove(&self.key, self.id);
        }
    }
}
