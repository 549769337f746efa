//! Requests for sockets that are not answered yet. Pure, and generic over who waits.
//!
//! A request outlives the connection that it was sent on: it asks for something new, so it is simply sent again.

use std::collections::{BTreeMap, BTreeSet};

use karez_capture::sockets::{Family, Kind};

use crate::message::Malformed;
use crate::packet::Packet;
use crate::pod::PodReference;
use crate::stock::message::{Refusal, SocketReply, SocketRequest};

/// Most requests at a time; whoever has more waits with them.
pub const MOST_REQUESTS: usize = 64;

/// What a worker wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// In whose namespace.
    pub pod: PodReference,
    /// What for.
    pub kind: Kind,
    /// Of which address family.
    pub family: Family,
    /// How many.
    pub count: usize,
}

/// Who waited for an answer, and whether they get what they asked for.
pub type Answered<W> = (W, Result<(), Refusal>);

/// The requests that wait, each with its waiter.
#[derive(Debug)]
pub struct PendingRequests<W> {
    waiting: BTreeMap<u64, (SocketRequest, W)>,
    unsent: BTreeSet<u64>,
    last: u64,
}

/// Why a connection is ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// Not a reply.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// More or fewer sockets than were asked for.
    #[error("{found} sockets came where {asked} were asked for")]
    Count {
        /// Asked for.
        asked: usize,
        /// Came.
        found: usize,
    },
}

impl<W> PendingRequests<W> {
    /// Nothing waits.
    #[must_use]
    pub fn new() -> Self {
        Self { waiting: BTreeMap::new(), unsent: BTreeSet::new(), last: 0 }
    }

    /// Whether another order may be placed.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_REQUESTS
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Places an order.
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

    /// Takes a reply: who waited for it, and what they get. None when nobody waits any longer.
    ///
    /// # Errors
    /// When the reply is none, or does not answer the request; the request then waits on.
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

    /// The connection is gone: what waits is to be sent again.
    pub fn disconnected(&mut self) {
        self.unsent = self.waiting.keys().copied().collect();
    }

    /// Drops the requests whose waiters have gone.
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
