//! The one writer of the authority's state, and what others ask of it.
//!
//! * [`task`] – does what is asked
//! * [`steps`] – the steps of a rotation
//! * [`shared_state`] – the state that replicas share, and how it is changed
//! * [`witnesses`] – pure: whom a new root waits for

mod shared_state;
mod steps;
mod task;
mod witnesses;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use karez_api::identity::Identity;
use rcgen::PublicKeyData;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    IssueError, Leaf, Names, NotUnderWay, RequestedKey, State, StateError, Store, Timestamp, UnderWay, Wait,
};
use crate::leadership::Leadership;
use shared_state::SharedState;
use task::{Command, Note, QUEUE};

pub use task::AuthorityTask;
pub use witnesses::Witnesses;
pub(crate) use witnesses::waits;

/// How long certificates live.
#[derive(Debug, Clone, Copy)]
pub struct AuthoritySettings {
    /// The longest that a workload's certificate may.
    pub leaf_lifetime: Duration,
    /// How long a new root does.
    pub root_lifetime: Duration,
    /// How long the ConfigMap with the roots takes to arrive everywhere; none where there is no ConfigMap.
    pub distribution: Option<Duration>,
}

/// Why a rotation did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// One is under way.
    #[error(transparent)]
    UnderWay(#[from] UnderWay),
    /// The new root could not be made or saved.
    #[error(transparent)]
    State(#[from] StateError),
    /// Somebody else makes the roots.
    #[error(
        "the root is provided, as tls.crt and tls.key of Secret karez-ca: whoever makes it there rotates it"
    )]
    Provided,
    /// The controller is going.
    #[error("the controller is stopping")]
    Stopping,
}

/// Why a rotation did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ForceError {
    /// None is under way.
    #[error(transparent)]
    NotUnderWay(#[from] NotUnderWay),
    /// It could not be saved.
    #[error(transparent)]
    State(#[from] StateError),
    /// The controller is going.
    #[error("the controller is stopping")]
    Stopping,
}

/// The authority, as the rest of the controller uses it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authority {
    state: watch::Receiver<Arc<State>>,
    commands: mpsc::Sender<Command>,
    leaf_lifetime: Duration,
}

impl Authority {
    /// Goes on with the state that the store holds, or with a new root. Only a leader takes the steps of a rotation.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn open(
        store: Store,
        settings: AuthoritySettings,
        leadership: Leadership,
        now: Timestamp,
    ) -> Result<(Self, AuthorityTask), StateError> {
        let state = SharedState::open(store, settings, now).await?;
        let (commands, queue) = mpsc::channel(QUEUE);
        let authority = Self { state: state.subscribe(), commands, leaf_lifetime: settings.leaf_lifetime };
        let task = AuthorityTask { state, commands: queue, settings, leadership };
        Ok((authority, task))
    }

    /// The state, as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    /// The longest that a certificate may live.
    #[must_use]
    pub fn leaf_lifetime(&self) -> Duration {
        self.leaf_lifetime
    }

    /// Begins a rotation: a new root is made and announced.
    ///
    /// # Errors
    /// When one is under way, or the new root cannot be kept.
    pub async fn rotate(&self) -> Result<(), RotateError> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Rotate(answer)).await.map_err(|_| RotateError::Stopping)?;
        answered.await.map_err(|_| RotateError::Stopping)?
    }

    /// Lets the announced root sign without those that it waits for, who are returned.
    ///
    /// # Errors
    /// When none is announced, or its signing cannot be kept.
    pub async fn force(&self) -> Result<Vec<Wait>, ForceError> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Force(answer)).await.map_err(|_| ForceError::Stopping)?;
        answered.await.map_err(|_| ForceError::Stopping)?
    }

    /// Says that the ConfigMap with the roots holds the one with that fingerprint. To say it again does no harm.
    pub async fn published(&self, fingerprint: String) {
        // A controller that is stopping takes no more steps.
        let _ = self.commands.send(Command::Published(fingerprint)).await;
    }

    /// Signs a workload's certificate for a node, and remembers that the node has certificates.
    ///
    /// The answer holds the certificate and, beside it, every root that is trusted at this moment.
    ///
    /// # Errors
    /// When that cannot be remembered, or there is no randomness.
    pub async fn sign(
        &self,
        node: &str,
        key: &RequestedKey,
        identity: &Identity,
        lifetime: Duration,
    ) -> Result<(Leaf, Arc<State>), SignError> {
        let lifetime = lifetime.min(self.leaf_lifetime);
        self.note(node, Timestamp::of(SystemTime::now()).after(lifetime)).await?;
        let state = Arc::clone(&self.state.borrow());
        let now = Timestamp::of(SystemTime::now());
        Ok((Leaf::workload(state.roots.signing(), key, identity, now, lifetime)?, state))
    }

    /// Signs the controller's own certificate.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate, or there is no randomness.
    pub fn sign_server(&self, key: &impl PublicKeyData, names: &Names) -> Result<Leaf, IssueError> {
        let state = Arc::clone(&self.state.borrow());
        Leaf::server(state.roots.signing(), key, names, Timestamp::of(SystemTime::now()), self.leaf_lifetime)
    }

    /// Before a node gets a certificate it is on disk that it has one: a controller that restarts in the middle of a rotation
    /// must know whom to wait for.
    async fn note(&self, node: &str, until: Timestamp) -> Result<(), SignError> {
        if self.state.borrow().nodes.get(node).is_some_and(|noted| *noted >= until) {
            return Ok(());
        }
        // Rounded up, so that a node that renews one identity after the other costs few writes.
        let until = until.after(self.leaf_lifetime / 4);
        let (noted, answered) = oneshot::channel();
        let command = Command::Note(Note { node: node.to_owned(), until, noted });
        self.commands.send(command).await.map_err(|_| SignError::Stopping)?;
        Ok(answered.await.map_err(|_| SignError::Stopping)??)
    }
}

/// Why a certificate was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// It could not be remembered.
    #[error(transparent)]
    State(#[from] Arc<StateError>),
    /// The controller is going.
    #[error("the controller is stopping")]
    Stopping,
}

#[cfg(test)]
mod tests;
