//! The steps of a rotation: the leading replica takes them, the others vote.

use std::time::SystemTime;

use tracing::{error, info, warn};

use super::witnesses::{Witnesses, nodes};
use super::{AuthorityTask, RotateError};
use crate::ca::{State, StateError, Timestamp, votes};

impl AuthorityTask {
    pub(super) fn may_be_due(&self) -> bool {
        self.state.current().roots.is_rotating() || self.state.unknown_root().is_some()
    }

    pub(super) async fn step(&mut self, witnesses: &impl Witnesses) {
        match self.leadership.replica().map(str::to_owned) {
            Some(replica) if !self.leadership.is_leading() => self.vote(replica, witnesses).await,
            _ => self.lead(witnesses).await,
        }
    }

    /// Says what this replica's nodes know, for the one that leads.
    async fn vote(&mut self, replica: String, witnesses: &impl Witnesses) {
        let state = self.state.current();
        let vote = votes::vote(&state, witnesses.standings(&state.roots));
        if vote.as_ref() == state.votes.get(&replica) {
            return;
        }
        let voting = self.state.change(|state| {
            match votes::vote(state, witnesses.standings(&state.roots)) {
                Some(vote) => state.votes.insert(replica.clone(), vote),
                None => state.votes.remove(&replica),
            };
            Ok::<_, StateError>(())
        });
        if let Err(error) = voting.await {
            warn!(%error, "the leading replica cannot be told what this one's nodes know");
        }
    }

    async fn lead(&mut self, witnesses: &impl Witnesses) {
        let now = Timestamp::of(SystemTime::now());
        if let Some(root) = self.state.unknown_root() {
            match self.announce(&root, now).await {
                // It is announced once the one before it signs.
                Ok(()) | Err(RotateError::UnderWay(_)) => {}
                Err(error) => error!(%error, "the root that is provided cannot be announced"),
            }
        }
        let lifetime = self.settings.leaf_lifetime;
        let step = |state: &mut State| match votes::unheard(state, &witnesses.peers(now)).is_empty() {
            true => {
                let nodes = nodes(state, witnesses, now);
                state.roots.advance(now, &nodes, lifetime)
            }
            false => state.roots.drop_expired(now),
        };
        if !step(&mut self.state.next()) {
            return;
        }
        let advancing = self.state.change(|state| {
            step(state);
            if state.roots.announced().is_none() {
                state.votes.clear();
            }
            Ok::<_, StateError>(())
        });
        match advancing.await {
            Ok(()) => {
                let trusted = self.state.current().roots.all().count();
                info!(signing = self.signing(), trusted, "the rotation has gone a step further");
            }
            Err(error) => error!(%error, "the rotation waits until its state can be saved"),
        }
    }
}
