//! Unproven clients by source. The oldest client of the source with the most gives way.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

/// The clients of all sources.
#[derive(Debug, Default)]
pub(super) struct Sources {
    came: u64,
    count: usize,
    clients: HashMap<Source, BTreeSet<u64>>,
    ranks: BTreeSet<Rank>,
}

/// One client, by its source and arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client {
    source: Source,
    number: u64,
}

/// An IPv4 address, or the /64 in which an IPv6 host chooses its address (RFC 4291 section 2.5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Source(IpAddr);

/// A source's number of clients and its oldest. Of equal sources, the one with the older client gives way.
type Rank = (usize, Reverse<u64>, Source);

impl Sources {
    /// Adds the newest client.
    pub(super) fn register(&mut self, address: IpAddr) -> Client {
        let client = Client { source: Source::of(address), number: self.came };
        self.came += 1;
        self.change(client.source, |clients| clients.insert(client.number));
        client
    }

    /// Removes a client. Returns false if it was displaced before.
    pub(super) fn leave(&mut self, client: Client) -> bool {
        self.change(client.source, |clients| clients.remove(&client.number))
    }

    /// Removes the client that must give way. None if there is no client.
    pub(super) fn displace(&mut self) -> Option<Client> {
        let (_, Reverse(number), source) = *self.ranks.last()?;
        let client = Client { source, number };
        self.leave(client).then_some(client)
    }

    /// Number of clients.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn change(&mut self, source: Source, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) -> bool {
        let clients = self.clients.entry(source).or_default();
        if let Some(rank) = rank(source, clients) {
            self.ranks.remove(&rank);
            self.count -= clients.len();
        }
        let is_changed = change(clients);
        self.count += clients.len();
        match rank(source, clients) {
            Some(rank) => drop(self.ranks.insert(rank)),
            None => drop(self.clients.remove(&source)),
        }
        is_changed
    }
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
        }
    }
}

fn rank(source: Source, clients: &BTreeSet<u64>) -> Option<Rank> {
    clients.first().map(|oldest| (clients.len(), Reverse(*oldest), source))
}

#[cfg(test)]
mod tests;
