//! The one writer of the authority's state, and what others ask of it.
//!
//! Replicas of a controller have one each, and share the state: see [`Saved::Overtaken`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use karez_api::identity::Identity;
use rcgen::PublicKeyData;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::store::{Saved, Stored};
use super::{
    IssueError, Leaf, Names, Node, NotUnderWay, RequestedKey, Root, Roots, Standing, State, StateError,
    Store, Timestamp, UnderWay, Wait, votes,
};
use crate::leadership::Leadership;

/// How often a rotation is looked at while it goes on.
const STEP: Duration = Duration::from_millis(250);
/// Commands that may wait.
const QUEUE: usize = 64;
/// Times that other replicas may be faster before a change is given up.
const ATTEMPTS: usize = 16;

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

/// Who is known to trust what.
pub trait Witnesses: Send {
    /// For every connected node, and for those that acknowledged the bundle of `roots` before they left: what they know of it.
    fn standings(&self, roots: &Roots) -> BTreeMap<String, Standing>;

    /// Other replicas of the controller, which witness for their own nodes.
    fn peers(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
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

#[derive(Debug)]
enum Command {
    Rotate(oneshot::Sender<Result<(), RotateError>>),
    Force(oneshot::Sender<Result<Vec<Wait>, ForceError>>),
    Note(Note),
    /// The ConfigMap holds the root with this fingerprint.
    Published(String),
}

/// A node is to get a certificate.
#[derive(Debug)]
struct Note {
    node: String,
    until: Timestamp,
    noted: oneshot::Sender<Result<(), Arc<StateError>>>,
}

/// Writes the state; [`AuthorityTask::run`] it.
#[derive(Debug)]
pub struct AuthorityTask {
    store: Store,
    state: watch::Sender<Arc<State>>,
    /// A root that somebody else made, and that is to sign.
    provided: Option<Root>,
    commands: mpsc::Receiver<Command>,
    settings: AuthoritySettings,
    leadership: Leadership,
}

impl Authority {
    /// Goes on with the state that the store holds, or with a new root. Only a leader takes the steps of a rotation.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn open(
        mut store: Store,
        settings: AuthoritySettings,
        leadership: Leadership,
        now: Timestamp,
    ) -> Result<(Self, AuthorityTask), StateError> {
        let (state, provided) = begin(&mut store, settings, now).await?;
        let (sender, reader) = watch::channel(state);
        let (commands, queue) = mpsc::channel(QUEUE);
        let authority = Self { state: reader, commands, leaf_lifetime: settings.leaf_lifetime };
        let task = AuthorityTask { store, state: sender, provided, commands: queue, settings, leadership };
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

impl AuthorityTask {
    /// Serves commands and takes the steps of a rotation as they are due, until every [`Authority`] is gone.
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
                stored = self.store.changed() => self.follow_or_restore(stored).await,
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
        if self.provided.is_some() {
            return Err(RotateError::Provided);
        }
        let now = Timestamp::of(SystemTime::now());
        let root = Root::generate(now, self.settings.root_lifetime).map_err(StateError::from)?;
        self.announce(&root, now).await
    }

    async fn announce(&mut self, root: &Root, now: Timestamp) -> Result<(), RotateError> {
        let distribution = self.settings.distribution;
        self.change(|state| {
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
        if !self.next().roots.note_published(fingerprint, now) {
            return;
        }
        let noting = self.change(|state| {
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
        let forced = self.change(|state| {
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
        let noting = self.change(|state| {
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

    fn may_be_due(&self) -> bool {
        self.state.borrow().roots.is_rotating() || self.unknown_root().is_some()
    }

    async fn step(&mut self, witnesses: &impl Witnesses) {
        match self.leadership.replica().map(str::to_owned) {
            Some(replica) if !self.leadership.is_leading() => self.vote(replica, witnesses).await,
            _ => self.lead(witnesses).await,
        }
    }

    /// Says what this replica's nodes know, for the one that leads.
    async fn vote(&mut self, replica: String, witnesses: &impl Witnesses) {
        let state = Arc::clone(&self.state.borrow());
        let vote = votes::vote(&state, witnesses.standings(&state.roots));
        if vote.as_ref() == state.votes.get(&replica) {
            return;
        }
        let voting = self.change(|state| {
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
        if let Some(root) = self.unknown_root() {
            match self.announce(&root, now).await {
                // It is announced once the one before it signs.
                Ok(()) | Err(RotateError::UnderWay(_)) => {}
                Err(error) => error!(%error, "the root that is provided cannot be announced"),
            }
        }
        let lifetime = self.settings.leaf_lifetime;
        let step = |state: &mut State| match votes::unheard(state, &witnesses.peers()).is_empty() {
            true => {
                let nodes = nodes(state, witnesses);
                state.roots.advance(now, &nodes, lifetime)
            }
            false => state.roots.drop_expired(now),
        };
        if !step(&mut self.next()) {
            return;
        }
        let advancing = self.change(|state| {
            step(state);
            if state.roots.announced().is_none() {
                state.votes.clear();
            }
            Ok::<_, StateError>(())
        });
        match advancing.await {
            Ok(()) => {
                let trusted = self.state.borrow().roots.all().count();
                info!(signing = self.signing(), trusted, "the rotation has gone a step further");
            }
            Err(error) => error!(%error, "the rotation waits until its state can be saved"),
        }
    }

    /// The root that is provided, if the mesh does not know it yet.
    fn unknown_root(&self) -> Option<Root> {
        let state = self.state.borrow();
        let is_known = |root: &Root| {
            state.roots.all().any(|(_, known)| known.fingerprint() == root.certificate().fingerprint())
        };
        self.provided.clone().filter(|root| !is_known(root))
    }

    fn signing(&self) -> String {
        self.state.borrow().roots.signing().certificate().fingerprint().to_owned()
    }

    /// Takes over what the store holds now; a state that somebody has removed is written again, for the mesh's root is in it.
    async fn follow_or_restore(&mut self, stored: Stored) {
        let is_removed = stored.state.is_none();
        self.follow(stored);
        if is_removed {
            warn!("the state of the certificate authority was removed: it is written again");
            if let Err(error) = self.change(|_| Ok::<_, StateError>(())).await {
                error!(%error, "the state of the certificate authority cannot be written again");
            }
        }
    }

    /// Takes over what another replica has saved.
    fn follow(&mut self, stored: Stored) {
        self.provided = stored.provided;
        if let Some(state) = stored.state {
            self.state.send_replace(Arc::new(state));
        }
    }

    /// A copy of the state to change, without the nodes whose certificates have all expired.
    fn next(&self) -> State {
        let now = Timestamp::of(SystemTime::now());
        let mut next = State::clone(&self.state.borrow());
        next.nodes.retain(|_, until| now < *until);
        next
    }

    /// Saves a changed state, and only then lets others see it. Where another replica was faster, its state is changed instead.
    async fn change<T, E: From<StateError>>(
        &mut self,
        change: impl Fn(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..ATTEMPTS {
            let mut next = self.next();
            let result = change(&mut next)?;
            let next = Arc::new(next);
            match self.store.save(&next).await? {
                Saved::Written => {
                    self.state.send_replace(next);
                    return Ok(result);
                }
                Saved::Overtaken(stored) => self.follow(*stored),
            }
        }
        Err(StateError::Contended.into())
    }
}

/// The state to begin with: what the store holds, or a new root.
async fn begin(
    store: &mut Store,
    settings: AuthoritySettings,
    now: Timestamp,
) -> Result<(Arc<State>, Option<Root>), StateError> {
    let mut stored = store.load().await?;
    for _ in 0..ATTEMPTS {
        let Stored { state, provided } = stored;
        let mut state = match (state, &provided) {
            (Some(state), _) => state,
            (None, Some(root)) => new_state(root.clone(), settings),
            (None, None) => new_state(Root::generate(now, settings.root_lifetime)?, settings),
        };
        state.roots.allow_lifetime(settings.leaf_lifetime);
        let state = Arc::new(state);
        match store.save(&state).await? {
            Saved::Written => return Ok((state, provided)),
            Saved::Overtaken(other) => stored = *other,
        }
    }
    Err(StateError::Contended)
}

fn new_state(root: Root, settings: AuthoritySettings) -> State {
    State { roots: Roots::new(root, settings.leaf_lifetime), nodes: BTreeMap::new(), votes: BTreeMap::new() }
}

/// Everything that an announced root must wait for.
pub(crate) fn waits(state: &State, witnesses: &(impl Witnesses + ?Sized), now: Timestamp) -> Vec<Wait> {
    let peers = witnesses.peers();
    let unheard = votes::unheard(state, &peers).into_iter();
    let replicas = unheard.map(|replica| Wait::Replica { replica: replica.clone() });
    state.roots.waits(now, &nodes(state, witnesses)).into_iter().chain(replicas).collect()
}

/// Every node that an announced root may have to wait for.
fn nodes(state: &State, witnesses: &(impl Witnesses + ?Sized)) -> Vec<Node> {
    let mut standings = witnesses.standings(&state.roots);
    votes::merge(state, &witnesses.peers(), &mut standings);
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
