//! Unanswered requests for sockets. Pure, and generic over the waiting callers.
//!
//! A request outlives its connection: it asks for something new, so it is just sent again.

use std::collections::{BTreeMap, BTreeSet};

use karez_capture::sockets::{Family, Kind};

use crate::message::Malformed;
use crate::packet::Packet;
use crate::pod::PodReference;
use crate::stock::message::{Refusal, SocketReply, SocketRequest};

/// Most requests at a time. Further callers wait.
pub const MOST_REQUESTS: usize = 64;

/// A worker's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The Pod whose namespace the sockets are in.
    pub pod: PodReference,
    /// Their purpose.
    pub kind: Kind,
    /// Their address family.
    pub family: Family,
    /// Their number.
    pub count: usize,
}

/// The caller that waited, and the outcome.
pub type Answered<W> = (W, Result<(), Refusal>);

/// Unanswered requests with their callers.
#[derive(Debug)]
pub struct PendingRequests<W> {
    waiting: BTreeMap<u64, (SocketRequest, W)>,
    unsent: BTreeSet<u64>,
    last: u64,
}

/// Why a reply ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// It is no reply.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The number of sockets differs from the request's.
    #[error("{found} sockets came where {asked} were asked for")]
    Count {
        /// The requested number.
        asked: usize,
        /// The received number.
        found: usize,
    },
}

impl<W> PendingRequests<W> {
    /// Without requests.
    #[must_use]
    pub fn new() -> Self {
        Self { waiting: BTreeMap::new(), unsent: BTreeSet::new(), last: 0 }
    }

    /// Whether another request may be placed.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_REQUESTS
    }

    /// Whether no request is unanswered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Places a request.
    pub fn place(&mut self, order: Order, waiter: W) {
        self.last += 1;
        let Order { pod, kind, family, count } = order;
        let request = SocketRequest { id: self.last, pod, kind, family, count };
        self.waiting.insert(self.last, (request, waiter));
        self.unsent.insert(self.last);
    }

    /// The next request to send.
    pub fn next_packet(&mut self) -> Option<Packet> {
        let id = self.unsent.pop_first()?;
        let (request, _) = self.waiting.get(&id)?;
        Some(Packet { bytes: request.encode(), descriptors: Vec::new() })
    }

    /// Handles a reply. Returns the waiting caller and the outcome; None when nobody waits any longer.
    ///
    /// # Errors
    /// When the reply is malformed or does not fit the request, which then still waits.
    pub fn answered(&mut self, packet: &Packet) -> Result<Option<Answered<W>>, BadReply> {
        let reply = SocketReply::decode(&packet.bytes)?;
        let Some((request, _)) = self.waiting.get(&reply.id) else { return Ok(None) };
        let asked = if reply.refusal.is_some() { 0 } else { request.count };
        let found = packet.descriptors.len();
        if asked != found {
            return Err(BadReply::Count { asked, found });
        }
        let waiter = self.waiting.remove(&reply.id).map(|(_, waiter)| waiter);
        Ok(waiter.map(|waiter| (waiter, reply.refusal.map_or(Ok(()), Err))))
    }

    /// The connection is gone: all unanswered requests must be sent again.
    pub fn disconnected(&mut self) {
        self.unsent = self.waiting.keys().copied().collect();
    }

    /// Drops the requests whose callers are gone.
    pub fn forget(&mut self, has_gone: impl Fn(&W) -> bool) {
        self.waiting.retain(|_, (_, waiter)| !has_gone(waiter));
        self.unsent.retain(|id| self.waiting.contains_key(id));
    }
}

impl<W> Default for PendingRequests<W> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
