//! The state as this replica knows it, and how it is changed: saved first, and only then seen by others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;
use tracing::{error, warn};

use super::AuthoritySettings;
use crate::ca::store::{Saved, Stored};
use crate::ca::{Root, Roots, State, StateError, Store, Timestamp};

/// Times that other replicas may be faster before a change is given up.
const ATTEMPTS: usize = 16;

/// The state that replicas share: see [`Saved::Overtaken`].
#[derive(Debug)]
pub(super) struct SharedState {
    store: Store,
    current: watch::Sender<Arc<State>>,
    /// A root that somebody else made, and that is to sign.
    provided: Option<Root>,
}

impl SharedState {
    /// Goes on with the state that the store holds, or with a new root.
    pub(super) async fn open(
        mut store: Store,
        settings: AuthoritySettings,
        now: Timestamp,
    ) -> Result<Self, StateError> {
        let mut stored = store.load().await?;
        for _ in 0..ATTEMPTS {
            let Stored { state, provided } = stored;
            let mut state = match (state, &provided) {
                (Some(state), _) => state,
                (None, provided) => {
                    store.check_new(provided.as_ref()).await?;
                    let root = match provided {
                        Some(root) => root.clone(),
                        None => Root::generate(now, settings.root_lifetime)?,
                    };
                    new_state(root, settings)
                }
            };
            state.roots.allow_lifetime(settings.leaf_lifetime);
            let state = Arc::new(state);
            match store.save(&state).await? {
                Saved::Written => {
                    let (current, _) = watch::channel(state);
                    return Ok(Self { store, current, provided });
                }
                Saved::Overtaken(other) => stored = *other,
            }
        }
        Err(StateError::Contended)
    }

    /// The state, as it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.current.subscribe()
    }

    /// The state at this moment.
    pub(super) fn current(&self) -> Arc<State> {
        Arc::clone(&self.current.borrow())
    }

    /// Whether somebody else makes the roots.
    pub(super) fn is_provided(&self) -> bool {
        self.provided.is_some()
    }

    /// The root that is provided, if the mesh does not know it yet.
    pub(super) fn unknown_root(&self) -> Option<Root> {
        let state = self.current.borrow();
        let is_known = |root: &Root| {
            state.roots.all().any(|(_, known)| known.fingerprint() == root.certificate().fingerprint())
        };
        self.provided.clone().filter(|root| !is_known(root))
    }

    /// What the store holds, once somebody else has changed it. Cancel safe.
    pub(super) async fn changed(&mut self) -> Stored {
        self.store.changed().await
    }

    /// Takes over what the store holds now; a state that somebody has removed is written again, for the mesh's root is in it.
    pub(super) async fn follow_or_restore(&mut self, stored: Stored) {
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
            self.current.send_replace(Arc::new(state));
        }
    }

    /// A copy of the state to change, without the nodes whose certificates have all expired.
    pub(super) fn next(&self) -> State {
        let now = Timestamp::of(SystemTime::now());
        let mut next = State::clone(&self.current.borrow());
        next.nodes.retain(|_, until| now < *until);
        next
    }

    /// Saves a changed state, and only then lets others see it. Where another replica was faster, its state is changed instead.
    pub(super) async fn change<T, E: From<StateError>>(
        &mut self,
        change: impl Fn(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..ATTEMPTS {
            let mut next = self.next();
            let result = change(&mut next)?;
            let next = Arc::new(next);
            match self.store.save(&next).await? {
                Saved::Written => {
                    self.current.send_replace(next);
                    return Ok(result);
                }
                Saved::Overtaken(stored) => self.follow(*stored),
            }
        }
        Err(StateError::Contended.into())
    }
}

fn new_state(root: Root, settings: AuthoritySettings) -> State {
    State { roots: Roots::new(root, settings.leaf_lifetime), nodes: BTreeMap::new(), votes: BTreeMap::new() }
}
