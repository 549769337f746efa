//! The life of one pooled connection, from its dial to its end: one task.

use std::hash::Hash;
use std::pin::pin;
use std::rc::Weak;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::Inner;
use crate::client::{Connection, Driver};
use crate::deadline_future::DeadlineFuture;

/// A pooled connection's pool, key and id.
pub(super) struct PoolSlot<K, E> {
    pub(super) pool: Weak<Inner<K, E>>,
    pub(super) key: K,
    pub(super) id: u64,
}

/// Dials, tells who waits, and moves the connection until it ends.
pub(super) async fn live<K, E, Io>(
    slot: PoolSlot<K, E>,
    dial: impl Future<Output = Result<(Connection, Driver<Io>), E>>,
    outcome: watch::Sender<Option<Result<(), E>>>,
    cancelled: oneshot::Receiver<()>,
) where
    K: Eq + Hash,
    Io: AsyncRead + AsyncWrite + Unpin,
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
    let farewell = slot.pool.upgrade().map(|pool| pool.limits.farewell).unwrap_or_default();
    let mut driver = pin!(driver);
    let unused = pin!(slot.outlive_use(connection));
    let ended = tokio::select! {
        biased;
        // How it ended is told to each of its streams.
        _ = &mut driver => true,
        () = DeadlineFuture::new(unused) => false,
    };
    // Not before: a connection that takes no more streams can be closed for as long as it has some.
    slot.leave();
    if !ended {
        // Without a handle it says GOAWAY and ends. A peer that does not even read that holds nobody up.
        timeout(farewell, driver).await.ok();
    }
}

impl<K: Eq + Hash, E> PoolSlot<K, E> {
    fn end_dial(&self, connection: Option<Connection>) -> bool {
        let pool = self.pool.upgrade();
        let wanted =
            pool.and_then(|pool| pool.with_entry(&self.key, |entry| entry.end_dial(self.id, connection)));
        wanted == Some(true)
    }

    /// Returns when the connection has been without streams for as long as it may: not at all if it is used no more.
    async fn outlive_use(&self, connection: Connection) {
        loop {
            connection.idle().await;
            let Some(since) = connection.idle_since() else {
                continue;
            };
            if self.outlive_idleness(&connection, since).await {
                return;
            }
        }
    }

    /// Whether the connection has stayed idle since `since` for as long as it may.
    async fn outlive_idleness(&self, connection: &Connection, since: Instant) -> bool {
        loop {
            let Some((surplus, step, end)) = self.prospects(since) else {
                return true;
            };
            let now = Instant::now();
            if now >= end || (surplus && now >= since + step) {
                return true;
            }
            // First when it may go if it is surplus, then now and again, as it may have become that.
            let next = if now < since + step { since + step } else { now + step };
            sleep_until(end.min(next)).await;
            if connection.idle_since() != Some(since) {
                return false;
            }
        }
    }

    /// Whether the key has other connections; how often to ask; until when to stay if it has none. None if the pool
    /// does not use this one any more.
    fn prospects(&self, since: Instant) -> Option<(bool, std::time::Duration, Instant)> {
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
