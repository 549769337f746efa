//! The one writer of the authority's state, and what others ask of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use karez_api::identity::Identity;
use rcgen::PublicKeyData;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::{
    IssueError, Leaf, Names, Node, NotUnderWay, RequestedKey, Root, Roots, Standing, State, StateError,
    Store, Timestamp, UnderWay, Wait,
};

/// How often a rotation is looked at while it goes on.
const STEP: Duration = Duration::from_millis(250);
/// Commands that may wait.
const QUEUE: usize = 64;

/// How long certificates live.
#[derive(Debug, Clone, Copy)]
pub struct AuthoritySettings {
    /// The longest that a workload's certificate may.
    pub leaf_lifetime: Duration,
    /// How long a new root does.
    pub root_lifetime: Duration,
}

/// Who is known to trust what.
pub trait Witnesses: Send {
    /// For every connected node, and for those that acknowledged the bundle of `roots` before they left: what they know of it.
    fn standings(&self, roots: &Roots) -> BTreeMap<String, Standing>;
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

#[derive(Debug)]
enum Command {
    Rotate(oneshot::Sender<Result<(), RotateError>>),
    Force(oneshot::Sender<Result<Vec<Wait>, ForceError>>),
    Note { node: String, until: Timestamp, noted: oneshot::Sender<Result<(), StateError>> },
}

/// Writes the state; [`AuthorityTask::run`] it.
#[derive(Debug)]
pub struct AuthorityTask {
    store: Arc<Store>,
    state: watch::Sender<Arc<State>>,
    commands: mpsc::Receiver<Command>,
    settings: AuthoritySettings,
}

impl Authority {
    /// Goes on with the state that the store holds, or with a new root.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn open(
        store: Store,
        settings: AuthoritySettings,
        now: Timestamp,
    ) -> Result<(Self, AuthorityTask), StateError> {
        let mut state = match store.load()? {
            Some(state) => state,
            None => {
                let root = Root::generate(now, settings.root_lifetime)?;
                State { roots: Roots::new(root, settings.leaf_lifetime), nodes: BTreeMap::new() }
            }
        };
        state.roots.allow_lifetime(settings.leaf_lifetime);
        store.save(&state)?;
        let (sender, reader) = watch::channel(Arc::new(state));
        let (commands, queue) = mpsc::channel(QUEUE);
        let authority = Self { state: reader, commands, leaf_lifetime: settings.leaf_lifetime };
        let task = AuthorityTask { store: Arc::new(store), state: sender, commands: queue, settings };
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
        let command = Command::Note { node: node.to_owned(), until, noted };
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
    State(#[from] StateError),
    /// The controller is going.
    #[error("the controller is stopping")]
    Stopping,
}

impl AuthorityTask {
    /// Serves commands and takes the steps of a rotation as they are due, until every [`Authority`] is gone.
    pub async fn run(mut self, witnesses: impl Witnesses) {
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let rotating = self.state.borrow().roots.is_rotating();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command, &witnesses).await,
                    None => return,
                },
                _ = steps.tick(), if rotating => self.step(&witnesses).await,
            }
        }
    }

    async fn obey(&mut self, command: Command, witnesses: &impl Witnesses) {
        // Whoever asked may have gone: a caller that hung up is no failure.
        match command {
            Command::Rotate(answer) => {
                let _ = answer.send(self.announce().await);
            }
            Command::Force(answer) => {
                let _ = answer.send(self.force(witnesses).await);
            }
            Command::Note { node, until, noted } => {
                let mut next = self.next();
                let noted_until = next.nodes.entry(node).or_insert(until);
                *noted_until = until.max(*noted_until);
                let _ = noted.send(self.keep(next).await);
            }
        }
    }

    async fn announce(&mut self) -> Result<(), RotateError> {
        let now = Timestamp::of(SystemTime::now());
        let root = Root::generate(now, self.settings.root_lifetime).map_err(StateError::from)?;
        let fingerprint = root.certificate().fingerprint().to_owned();
        let mut next = self.next();
        next.roots.announce(root, now)?;
        self.keep(next).await?;
        info!(root = fingerprint, "a new root is announced; it signs once every live node knows it");
        Ok(())
    }

    async fn force(&mut self, witnesses: &impl Witnesses) -> Result<Vec<Wait>, ForceError> {
        let now = Timestamp::of(SystemTime::now());
        let mut next = self.next();
        let left_behind = next.roots.waits(now, &nodes(&next, witnesses));
        next.roots.sign_with_announced(now, self.settings.leaf_lifetime)?;
        let signing = next.roots.signing().certificate().fingerprint().to_owned();
        self.keep(next).await?;
        for wait in &left_behind {
            warn!(signing, "the operator lets the new root sign without waiting for {wait}");
        }
        Ok(left_behind)
    }

    async fn step(&mut self, witnesses: &impl Witnesses) {
        let now = Timestamp::of(SystemTime::now());
        let mut next = self.next();
        let nodes = nodes(&next, witnesses);
        if !next.roots.advance(now, &nodes, self.settings.leaf_lifetime) {
            return;
        }
        let signing = next.roots.signing().certificate().fingerprint().to_owned();
        let trusted = next.roots.all().count();
        match self.keep(next).await {
            Ok(()) => info!(signing, trusted, "the rotation has gone a step further"),
            Err(error) => error!(%error, "the rotation waits until its state can be saved"),
        }
    }

    /// A copy of the state to change, without the nodes whose certificates have all expired.
    fn next(&self) -> State {
        let now = Timestamp::of(SystemTime::now());
        let mut next = State::clone(&self.state.borrow());
        next.nodes.retain(|_, until| now < *until);
        next
    }

    /// Saves a state, and only then lets others see it.
    async fn keep(&mut self, next: State) -> Result<(), StateError> {
        let store = Arc::clone(&self.store);
        let next = Arc::new(next);
        let saved = Arc::clone(&next);
        let written = tokio::task::spawn_blocking(move || store.save(&saved)).await;
        // The pool refuses work only while the process ends.
        written.unwrap_or_else(|error| {
            Err(StateError::Io { path: STATE.into(), error: std::io::Error::other(error) })
        })?;
        self.state.send_replace(next);
        Ok(())
    }
}

const STATE: &str = "the state of the certificate authority";

/// Everyone whom an announced root must wait for.
pub(crate) fn nodes(state: &State, witnesses: &(impl Witnesses + ?Sized)) -> Vec<Node> {
    let mut standings = witnesses.standings(&state.roots);
    let known = state.nodes.iter().map(|(name, until)| {
        let standing = standings.remove(name).unwrap_or(Standing::Away);
        Node { name: name.clone(), standing, certificates_until: *until }
    });
    let known: Vec<Node> = known.collect();
    let connected = standings.into_iter().map(|(name, standing)| {
        // It holds no certificate of ours, but it judges those of others.
        Node { name, standing, certificates_until: Timestamp::from_seconds(0) }
    });
    known.into_iter().chain(connected).collect()
}

#[cfg(test)]
mod tests;
