//! Whom an announced root waits for, by what is known of every node and replica. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::ca::{Node, Roots, Standing, State, Timestamp, Wait, votes};

/// Who is known to trust what.
pub trait Witnesses: Send {
    /// For every connected node, and for those that acknowledged the bundle of `roots` before they left: what they know of it.
    fn standings(&self, roots: &Roots) -> BTreeMap<String, Standing>;

    /// From when on a node is lost: it is gone, or was not ready for long. None of one that is well, or of which nobody knows.
    fn lost_at(&self, _node: &str) -> Option<Timestamp> {
        None
    }

    /// Other replicas of the controller, which witness for their own nodes.
    fn peers(&self, _now: Timestamp) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

/// Everything that an announced root must wait for.
pub(crate) fn waits(state: &State, witnesses: &(impl Witnesses + ?Sized), now: Timestamp) -> Vec<Wait> {
    let peers = witnesses.peers(now);
    let unheard = votes::unheard(state, &peers).into_iter();
    let replicas = unheard.map(|replica| Wait::Replica { replica: replica.clone() });
    state.roots.waits(now, &nodes(state, witnesses, now)).into_iter().chain(replicas).collect()
}

/// Every node that an announced root may have to wait for.
pub(super) fn nodes(state: &State, witnesses: &(impl Witnesses + ?Sized), now: Timestamp) -> Vec<Node> {
    let mut standings = witnesses.standings(&state.roots);
    votes::merge(state, &witnesses.peers(now), &mut standings);
    let known = state.nodes.iter().map(|(name, until)| {
        let standing = standings.remove(name).unwrap_or(Standing::Away);
        let counts_until = witnesses.lost_at(name).map_or(*until, |lost_at| lost_at.min(*until));
        Node { name: name.clone(), standing, counts_until }
    });
    let known: Vec<Node> = known.collect();
    let connected = standings.into_iter().map(|(name, standing)| {
        // It holds no certificate of ours, but it judges those of others.
        Node { name, standing, counts_until: Timestamp::from_seconds(0) }
    });
    known.into_iter().chain(connected).collect()
}
