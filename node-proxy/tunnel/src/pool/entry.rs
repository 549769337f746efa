//! The connections of one key.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{DialOutcome, Limits, Transport};

pub(super) struct PoolEntry<E, T> {
    /// Kept until they end: a connection that takes no more streams may still carry some.
    connections: Vec<(u64, T)>,
    dial: Option<Dial<E>>,
}

/// The dial of a key. Dropping it cancels the dial.
pub(super) struct Dial<E> {
    id: u64,
    outcome: DialOutcome<E>,
    /// Held for its drop.
    _cancel: oneshot::Sender<()>,
}

/// What a key can offer to a request for a stream.
pub(super) enum Pick<E, T: Transport> {
    /// A reserved slot, and its connection's id.
    Reserved(u64, T::Slot),
    /// A connection with room whose peer has long been silent.
    Silent(u64, T),
    /// A dial is under way.
    Dialling(DialOutcome<E>),
    /// No room: another connection may be dialled.
    None,
    /// No room, and no more connections allowed.
    Full,
}

impl<E, T> Default for PoolEntry<E, T> {
    fn default() -> Self {
        Self { connections: Vec::new(), dial: None }
    }
}

impl<E> Dial<E> {
    pub(super) fn new(id: u64, outcome: DialOutcome<E>, cancel: oneshot::Sender<()>) -> Self {
        Self { id, outcome, _cancel: cancel }
    }
}

impl<E, T: Transport> PoolEntry<E, T> {
    /// Fills the oldest connections first, so that the surplus falls idle and retires. Considers only connections
    /// dialled after `known`.
    pub(super) fn pick(&self, limits: &Limits, known: Option<u64>, now: Instant) -> Pick<E, T> {
        let silent = |connection: &T| {
            let silence = now.saturating_duration_since(connection.heard());
            connection.streams() == 0 && silence >= limits.probe_after
        };
        let usable = || self.connections.iter().filter(|(_, connection)| connection.is_usable());
        let fresh = || usable().filter(|(id, _)| known.is_none_or(|known| *id > known));
        let mut heard = fresh().filter(|(_, connection)| !silent(connection));
        let reserved = heard.find_map(|(id, connection)| Some((*id, connection.reserve()?)));
        if let Some((id, reservation)) = reserved {
            return Pick::Reserved(id, reservation);
        }
        if let Some((id, connection)) = fresh().find(|(_, connection)| silent(connection)) {
            return Pick::Silent(*id, connection.clone());
        }
        match &self.dial {
            Some(dial) => Pick::Dialling(dial.outcome.clone()),
            None if usable().count() < limits.connections => Pick::None,
            None => Pick::Full,
        }
    }

    pub(super) fn begin_dial(&mut self, dial: Dial<E>) {
        self.dial = Some(dial);
    }

    /// Ends the dial `id`. Returns false if nobody wants it any more.
    pub(super) fn end_dial(&mut self, id: u64, connection: Option<T>) -> bool {
        if self.dial.as_ref().is_none_or(|dial| dial.id != id) {
            return false;
        }
        self.dial = None;
        self.connections.extend(connection.map(|connection| (id, connection)));
        true
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.connections.retain(|(known, _)| *known != id);
    }

    /// The connection dialled last.
    pub(super) fn newest(&self) -> Option<u64> {
        self.connections.iter().map(|(id, _)| *id).max()
    }

    /// Whether streams may still begin on the connection `id`.
    pub(super) fn uses(&self, id: u64) -> bool {
        self.connections.iter().any(|(known, connection)| *known == id && connection.is_usable())
    }

    /// Whether the key has a usable connection other than `id`.
    pub(super) fn has_other_than(&self, id: u64) -> bool {
        self.connections.iter().any(|(known, connection)| *known != id && connection.is_usable())
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &T> {
        self.connections.iter().map(|(_, connection)| connection)
    }

    pub(super) fn into_connections(self) -> impl Iterator<Item = T> {
        self.connections.into_iter().map(|(_, connection)| connection)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.dial.is_none()
    }
}
