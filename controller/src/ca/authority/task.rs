//! Does what is asked of the authority.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::shared_state::SharedState;
use super::witnesses::{Witnesses, waits};
use super::{AuthoritySettings, ForceError, RotateError};
use crate::ca::{Root, StateError, Timestamp, Wait};
use crate::leadership::Leadership;

/// How often a rotation is looked at while it goes on.
const STEP: Duration = Duration::from_millis(250);
/// Commands that may wait.
pub(super) const QUEUE: usize = 64;

/// What is asked of the authority.
#[derive(Debug)]
pub(super) enum Command {
    Rotate(oneshot::Sender<Result<(), RotateError>>),
    Force(oneshot::Sender<Result<Vec<Wait>, ForceError>>),
    Note(Note),
    /// The ConfigMap holds the root with this fingerprint.
    Published(String),
}

/// A node is to get a certificate.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) node: String,
    pub(super) until: Timestamp,
    pub(super) noted: oneshot::Sender<Result<(), Arc<StateError>>>,
}

/// Writes the state; [`AuthorityTask::run`] it.
#[derive(Debug)]
pub struct AuthorityTask {
    pub(super) state: SharedState,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) settings: AuthoritySettings,
    pub(super) leadership: Leadership,
}

impl AuthorityTask {
    /// Serves commands and takes the steps of a rotation as they are due, until every [`Authority`](super::Authority) is gone.
    pub async fn run(mut self, witnesses: impl Witnesses) {
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut commands = Vec::new();
        loop {
            tokio::select! {
                received = self.commands.recv_many(&mut commands, QUEUE) => {
                    if received == 0 {
                        return;
                    }
                    self.obey(std::mem::take(&mut commands), &witnesses).await;
                }
                stored = self.state.changed() => self.state.follow_or_restore(stored).await,
                _ = steps.tick(), if self.may_be_due() => self.step(&witnesses).await,
            }
        }
    }

    async fn obey(&mut self, commands: Vec<Command>, witnesses: &impl Witnesses) {
        let mut notes = Vec::new();
        for command in commands {
            // Whoever asked may have gone: a caller that hung up is no failure.
            match command {
                Command::Rotate(answer) => {
                    let _ = answer.send(self.rotate().await);
                }
                Command::Force(answer) => {
                    let _ = answer.send(self.force(witnesses).await);
                }
                Command::Note(note) => notes.push(note),
                Command::Published(fingerprint) => self.note_published(&fingerprint).await,
            }
        }
        if !notes.is_empty() {
            self.note(notes).await;
        }
    }

    async fn rotate(&mut self) -> Result<(), RotateError> {
        if self.state.is_provided() {
            return Err(RotateError::Provided);
        }
        let now = Timestamp::of(SystemTime::now());
        let root = Root::generate(now, self.settings.root_lifetime).map_err(StateError::from)?;
        self.announce(&root, now).await
    }

    pub(super) async fn announce(&mut self, root: &Root, now: Timestamp) -> Result<(), RotateError> {
        let distribution = self.settings.distribution;
        self.state
            .change(|state| {
                state.votes.clear();
                state.roots.announce(root.clone(), now)?;
                if let Some(takes) = distribution {
                    state.roots.await_distribution(takes);
                }
                Ok::<_, RotateError>(())
            })
            .await?;
        let fingerprint = root.certificate().fingerprint();
        info!(root = fingerprint, "a new root is announced; it signs once every live node knows it");
        Ok(())
    }

    async fn note_published(&mut self, fingerprint: &str) {
        let now = Timestamp::of(SystemTime::now());
        if !self.state.next().roots.note_published(fingerprint, now) {
            return;
        }
        let noting = self.state.change(|state| {
            state.roots.note_published(fingerprint, now);
            Ok::<_, StateError>(())
        });
        if let Err(error) = noting.await {
            // It is said again.
            warn!(%error, "that the new root is published cannot be saved");
        }
    }

    async fn force(&mut self, witnesses: &impl Witnesses) -> Result<Vec<Wait>, ForceError> {
        let now = Timestamp::of(SystemTime::now());
        let lifetime = self.settings.leaf_lifetime;
        let forced = self.state.change(|state| {
            let left_behind = waits(state, witnesses, now);
            state.roots.sign_with_announced(now, lifetime)?;
            state.votes.clear();
            Ok::<_, ForceError>(left_behind)
        });
        let left_behind = forced.await?;
        let signing = self.signing();
        for wait in &left_behind {
            warn!(signing, "the operator lets the new root sign without waiting for {wait}");
        }
        Ok(left_behind)
    }

    /// One write for all: every node asks at once after a start.
    async fn note(&mut self, notes: Vec<Note>) {
        let noting = self.state.change(|state| {
            for Note { node, until, .. } in &notes {
                let noted = state.nodes.entry(node.clone()).or_insert(*until);
                *noted = (*noted).max(*until);
            }
            Ok::<_, StateError>(())
        });
        let noted = noting.await.map_err(Arc::new);
        for note in notes {
            let _ = note.noted.send(noted.clone());
        }
    }

    pub(super) fn signing(&self) -> String {
        self.state.current().roots.signing().certificate().fingerprint().to_owned()
    }
}
