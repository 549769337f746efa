//! Connections kept and shared by key: one pool a worker.
//!
//! * A key has one dial at a time. Its failure reaches only the callers that waited for it.
//! * A connection takes new streams as others end. When all of a key's are full, the pool dials one more, up to a
//!   limit.
//! * The pool probes a connection before use if its peer was silent for long. It never uses one that is going away.
//! * A CONNECT that is lost with its connection is sent again, once, on a connection dialled later.
//! * A connection without streams retires: within seconds if the key has another, else after about a minute.

mod connection_task;
mod entry;
mod transport;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::client::{ConnectError, Connection};
use entry::{Dial, Pick, PoolEntry};

pub use transport::Transport;

/// How many connections the pool keeps, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections of one key.
    pub connections: usize,
    /// How long the only connection of a key stays without streams.
    pub idle: Duration,
    /// How long one of several connections stays without streams.
    pub surplus_idle: Duration,
    /// Silence of the peer after which a connection is probed before use.
    pub probe_after: Duration,
    /// How long a probe may take.
    pub probe_timeout: Duration,
    /// How long an unused connection may take to close.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            idle: Duration::from_secs(60),
            surplus_idle: Duration::from_secs(3),
            probe_after: Duration::from_secs(10),
            probe_timeout: Duration::from_millis(1_500),
            close_timeout: Duration::from_secs(10),
        }
    }
}

/// Dials that one stream may cost, its second try included: a peer may send GOAWAY after every handshake.
const DIALS: usize = 3;

/// Why the pool returned no stream.
#[derive(Debug, thiserror::Error)]
pub enum PoolError<E> {
    /// The dial failed. All who waited for it get this error.
    #[error("{0}")]
    Dial(E),
    /// The key has as many connections as allowed, and all are full.
    #[error("all connections to the destination are full")]
    Full,
    /// The key was closed during its dial.
    #[error("closed while connecting")]
    Closed,
    /// The CONNECT failed on an open connection.
    #[error("{0}")]
    Connect(ConnectError),
}

/// The life of one connection: a task that the caller runs for the pool.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The pool's present contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Keys with a connection or a dial.
    pub keys: usize,
    /// Connections.
    pub connections: usize,
    /// Streams on them.
    pub streams: usize,
}

/// The pool of connections `T`. Clones share it. `E` is a dial's error.
pub struct Pool<K, E, T = Connection> {
    inner: Rc<Inner<K, E, T>>,
}

struct Inner<K, E, T> {
    limits: Limits,
    spawn: Box<dyn Fn(Task)>,
    entries: RefCell<HashMap<K, PoolEntry<E, T>>>,
    next: Cell<u64>,
}

impl<K, E, T> Pool<K, E, T>
where
    K: Clone + Eq + Hash + 'static,
    E: Clone + 'static,
    T: Transport,
{
    /// An empty pool. `spawn` runs a task on this thread. Each task ends soon after the pool is dropped and its last
    /// stream has ended.
    pub fn new(limits: Limits, spawn: impl Fn(Task) + 'static) -> Self {
        let inner = Inner { limits, spawn: Box::new(spawn), entries: RefCell::default(), next: Cell::new(0) };
        Self { inner: Rc::new(inner) }
    }

    /// Opens a stream on a connection of `key`, and calls `dial` if none has room. Sends the CONNECT again, once and on
    /// a fresh connection, if the peer certainly did not process it, or if an older connection was lost before the
    /// answer.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn connect<D: Future + 'static, F>(
        &self,
        key: &K,
        authority: &Authority,
        headers: &HeaderMap,
        dial: impl Fn() -> F,
    ) -> Result<T::Stream, PoolError<E>>
    where
        F: Future<Output = Result<(T, D), E>> + 'static,
    {
        let mut dials = 0..DIALS;
        let coming = self.inner.next.get();
        let (id, first) = self.reserve(key, &dial, None, &mut dials).await?;
        let known = self.newest(key);
        let error = match T::open(first, authority.clone(), headers.clone()).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let was_there = id < coming;
        if !(error.is_unprocessed() || error.is_lost() && was_there) {
            return Err(PoolError::Connect(error));
        }
        match self.reserve(key, &dial, known, &mut dials).await {
            Ok((_, second)) => {
                T::open(second, authority.clone(), headers.clone()).await.map_err(PoolError::Connect)
            }
            // The first error tells more than the lack of room for a fresh connection.
            Err(PoolError::Full) => Err(PoolError::Connect(error)),
            Err(error) => Err(error),
        }
    }

    /// Finds or makes a slot for one stream on a connection dialled after `known`, and returns the connection's id.
    /// `dials` are the dials left.
    async fn reserve<D: Future + 'static, F>(
        &self,
        key: &K,
        dial: &impl Fn() -> F,
        known: Option<u64>,
        dials: &mut impl Iterator,
    ) -> Result<(u64, T::Slot), PoolError<E>>
    where
        F: Future<Output = Result<(T, D), E>> + 'static,
    {
        // Each round waits for one dial or probe. Every dial adds a connection, and their number is bounded.
        for _ in 0..=self.inner.limits.connections.saturating_mul(2) {
            match self.pick(key, known) {
                Pick::Reserved(id, reservation) => return Ok((id, reservation)),
                Pick::Silent(id, connection) => {
                    if connection.probe(self.inner.limits.probe_timeout).await.is_err() {
                        connection.abort();
                        self.inner.remove(key, id);
                    }
                }
                Pick::Dialling(outcome) => dialled(outcome).await?,
                Pick::None if dials.next().is_none() => {
                    return Err(PoolError::Connect(ConnectError::GoingAway));
                }
                Pick::None => dialled(self.dial(key, dial())).await?,
                Pick::Full => return Err(PoolError::Full),
            }
        }
        Err(PoolError::Full)
    }

    /// Ends all connections of the keys that `doomed` selects, with their streams and their dials.
    pub fn close(&self, doomed: impl Fn(&K) -> bool) {
        for connection in self.inner.take(doomed) {
            connection.abort();
        }
    }

    /// Opens no more streams on connections of the keys that `leaving` selects; each ends after its last stream. Dials
    /// go on, because callers wait for them.
    pub fn retire(&self, leaving: impl Fn(&K) -> bool) {
        let entries = self.inner.entries.borrow();
        let left = entries.iter().filter(|(key, _)| leaving(key));
        left.flat_map(|(_, entry)| entry.connections()).for_each(T::retire);
    }

    /// The present figures.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let entries = self.inner.entries.borrow();
        let connections = || entries.values().flat_map(PoolEntry::connections);
        Stats {
            keys: entries.len(),
            connections: connections().count(),
            streams: connections().map(T::streams).sum(),
        }
    }

    fn pick(&self, key: &K, known: Option<u64>) -> Pick<E, T> {
        match self.inner.entries.borrow().get(key) {
            Some(entry) => entry.pick(&self.inner.limits, known, Instant::now()),
            None => Pick::None,
        }
    }

    fn newest(&self, key: &K) -> Option<u64> {
        self.inner.entries.borrow().get(key).and_then(PoolEntry::newest)
    }

    /// Starts the key's one dial.
    fn dial<D: Future + 'static, F>(&self, key: &K, dial: F) -> DialOutcome<E>
    where
        F: Future<Output = Result<(T, D), E>> + 'static,
    {
        let id = self.inner.next.replace(self.inner.next.get().wrapping_add(1));
        let (outcome_sender, outcome) = watch::channel(None);
        let (cancel, cancelled) = oneshot::channel();
        self.inner.entries.borrow_mut().entry(key.clone()).or_default().begin_dial(Dial::new(
            id,
            outcome.clone(),
            cancel,
        ));
        let slot = connection_task::PoolSlot { pool: Rc::downgrade(&self.inner), key: key.clone(), id };
        (self.inner.spawn)(Box::pin(connection_task::run(slot, dial, outcome_sender, cancelled)));
        outcome
    }
}

/// None until the dial has ended.
type DialOutcome<E> = watch::Receiver<Option<Result<(), E>>>;

/// Waits for a dial's end.
async fn dialled<E: Clone>(mut outcome: DialOutcome<E>) -> Result<(), PoolError<E>> {
    let ended = outcome.wait_for(Option::is_some).await.map_err(|_| PoolError::Closed)?;
    match ended.as_ref() {
        Some(Err(error)) => Err(PoolError::Dial(error.clone())),
        Some(Ok(())) | None => Ok(()),
    }
}

impl<K: Eq + Hash, E, T: Transport> Inner<K, E, T> {
    /// Takes the connections of the keys that `chosen` selects, and cancels their dials.
    fn take(&self, chosen: impl Fn(&K) -> bool) -> Vec<T> {
        let taken: Vec<_> = self.entries.borrow_mut().extract_if(|key, _| chosen(key)).collect();
        taken.into_iter().flat_map(|(_, entry)| entry.into_connections()).collect()
    }

    /// Removes one connection, and the entry if it was the last.
    fn remove(&self, key: &K, id: u64) {
        self.with_entry(key, |entry| entry.remove(id));
    }

    /// Changes an entry, and removes it if that leaves it empty.
    fn with_entry<R>(&self, key: &K, change: impl FnOnce(&mut PoolEntry<E, T>) -> R) -> Option<R> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(key)?;
        let result = change(entry);
        if entry.is_empty() {
            entries.remove(key);
        }
        Some(result)
    }
}

impl<K, E, T> Clone for Pool<K, E, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<K, E, T> fmt::Debug for Pool<K, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}
