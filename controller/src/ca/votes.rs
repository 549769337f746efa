//! What replicas tell each other, in the state that they share, of the nodes that hang on them. Pure.
//!
//! A node has its stream with one replica, and only that one sees what the node acknowledges. While a root waits to sign, each
//! replica that does not lead votes: it says what its nodes know. The leader lets the root sign once every replica has.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Standing, State};

/// What one replica says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The fingerprint of the root that waits to sign.
    announced: String,
    /// Of the replica's nodes.
    standings: BTreeMap<String, Standing>,
}

/// Votes by the names of replicas.
pub type Votes = BTreeMap<String, Vote>;

/// The vote of a replica whose nodes have these standings; none while no root waits to sign.
pub(super) fn vote(state: &State, standings: BTreeMap<String, Standing>) -> Option<Vote> {
    let announced = state.roots.announced()?.fingerprint().to_owned();
    Some(Vote { announced, standings })
}

/// Other replicas that have not voted yet.
pub(super) fn unheard<'a>(state: &State, peers: &'a BTreeSet<String>) -> Vec<&'a String> {
    if state.roots.announced().is_none() {
        return Vec::new();
    }
    peers.iter().filter(|peer| counting(state, peer).is_none()).collect()
}

/// Adds what other replicas say to what this one sees. Of a node that hangs on two the slower stream counts.
pub(super) fn merge(state: &State, peers: &BTreeSet<String>, standings: &mut BTreeMap<String, Standing>) {
    for vote in peers.iter().filter_map(|peer| counting(state, peer)) {
        for (node, said) in &vote.standings {
            let known = standings.entry(node.clone()).or_insert(*said);
            *known = slower(*known, *said);
        }
    }
}

/// A vote that is about the root that waits now.
fn counting<'a>(state: &'a State, peer: &str) -> Option<&'a Vote> {
    let announced = state.roots.announced()?.fingerprint();
    state.votes.get(peer).filter(|vote| vote.announced == announced)
}

fn slower(one: Standing, other: Standing) -> Standing {
    let by_speed = [Standing::Pending, Standing::Unsubscribed, Standing::Acknowledged, Standing::Away];
    by_speed.into_iter().find(|it| *it == one || *it == other).unwrap_or(one)
}

#[cfg(test)]
mod tests;
