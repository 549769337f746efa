//! The protocol's side of one stream after another: what was received, what is to be answered, when a moment is whole.
//!
//! Where resources go is the [`Sink`]'s affair.

use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node, Resource};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::discovery::kind::ResourceKind;
use crate::discovery::ledger::{ApplyOutcome, Ledger};
use crate::discovery::moment::Moment;
use crate::discovery::served::ServedTypes;

/// Resources that are applied before other tasks get their turn.
pub(super) const AT_A_TIME: usize = 256;

/// Whether the caller knows enough to decide. It goes from `Waiting` to `Complete` once and never back: what is known
/// outlives the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// Some type that the controller serves has not been received whole yet: nothing may be decided.
    Waiting,
    /// All have.
    Complete,
}

/// The state of discovery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// A stream is open.
    pub connected: bool,
    /// The controller's name of the configuration that was applied last; empty before the first.
    pub configuration_version: String,
}

/// Where the resources of a stream go: the only writer of what its readers see.
pub trait Sink: Send {
    /// The types that it subscribes to.
    type Kind: ResourceKind;

    /// Takes a resource.
    ///
    /// # Errors
    /// Why it cannot be taken, in words for the controller.
    fn update(&mut self, kind: Self::Kind, resource: Resource) -> Result<(), String>;

    /// Takes back the resource of that name, if there is one.
    ///
    /// # Errors
    /// Why what is left cannot be taken.
    fn remove(&mut self, kind: Self::Kind, name: String) -> Result<(), String>;

    /// Shows its readers all that it has taken.
    fn publish(&self);
}

/// Follows a controller on behalf of a sink.
#[derive(Debug)]
pub struct Store<S: Sink> {
    sink: S,
    ledger: Ledger<S::Kind>,
    moment: Moment<S::Kind>,
    synced: watch::Sender<Synced>,
    status: watch::Sender<Status>,
}

impl<S: Sink> Store<S> {
    /// A store that has received nothing, and how its readers follow it.
    pub fn of(sink: S) -> (Self, watch::Receiver<Synced>, watch::Receiver<Status>) {
        let (synced, synced_view) = watch::channel(Synced::Waiting);
        let (status, status_view) = watch::channel(Status::default());
        let store = Self { sink, ledger: Ledger::default(), moment: Moment::default(), synced, status };
        (store, synced_view, status_view)
    }

    /// The requests that begin a stream.
    pub(super) fn open(&mut self, node: &Node) -> Vec<DeltaDiscoveryRequest> {
        self.moment.restart();
        self.ledger.open(node)
    }

    /// The controller has said which types it serves. Returns the requests for those that are not asked for yet.
    pub(super) fn opened(&mut self, served: ServedTypes) -> Vec<DeltaDiscoveryRequest> {
        self.moment.expect(served);
        self.set_connected(true);
        self.ledger.subscribe(S::Kind::promised(served))
    }

    /// The stream has ended. A part that it brought stays back: what was whole serves until another stream completes it.
    pub(super) fn close(&mut self) {
        self.moment.restart();
        self.set_connected(false);
    }

    /// Applies a response and gives the answer to it; `None` when its type was never asked for.
    pub(super) async fn take(&mut self, response: DeltaDiscoveryResponse) -> Option<DeltaDiscoveryRequest> {
        let Some(kind) = S::Kind::of(&response.type_url) else {
            tracing::warn!(
                type_url = response.type_url,
                "resources of a type that was not asked for are ignored"
            );
            return None;
        };
        let outcome = self.apply(kind, response.resources, response.removed_resources).await;
        for (name, reason) in &outcome.rejected {
            tracing::warn!(%name, %reason, "resource not taken: what was good of it stays in force");
        }
        let answer = self.ledger.settle(kind, response.nonce, outcome);
        let version = response.system_version_info;
        if self.moment.take(kind, &version, Instant::now()) {
            self.complete();
            self.status.send_if_modified(|status| {
                std::mem::replace(&mut status.configuration_version, version.clone()) != version
            });
        } else if self.is_waiting() {
            // Nobody decides by it yet.
            self.sink.publish();
        }
        Some(answer)
    }

    /// When it is time to [lose patience](Self::lose_patience); `None` while, or when, nothing is waited for.
    pub(super) fn patience(&self) -> Option<Instant> {
        self.moment.deadline()
    }

    /// The rest of a moment is waited for no longer, if it is time.
    pub(super) fn lose_patience(&mut self) {
        if self.moment.is_over(Instant::now()) {
            self.complete();
        }
    }

    /// A moment is whole: it is published, and may be decided by.
    fn complete(&mut self) {
        if self.moment.served() == ServedTypes::Istio && self.ledger.holds_any(S::Kind::PROMISED) {
            // A header that is missing must not turn strict mode off.
            tracing::error!(
                "the controller no longer says that it serves the mesh's settings: the last ones stay in force; restart the node \
                 proxy to go on under a controller of Istio's"
            );
        }
        self.sink.publish();
        self.synced.send_if_modified(|synced| std::mem::replace(synced, Synced::Complete) == Synced::Waiting);
    }

    fn is_waiting(&self) -> bool {
        *self.synced.borrow() == Synced::Waiting
    }

    fn set_connected(&mut self, connected: bool) {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.connected, connected) != connected);
    }

    async fn apply(&mut self, kind: S::Kind, resources: Vec<Resource>, removed: Vec<String>) -> ApplyOutcome {
        let mut outcome = ApplyOutcome::default();
        // Removals first: in one response an address may go from a Pod that is gone to a new one.
        for (position, name) in removed.into_iter().enumerate() {
            pause(position).await;
            outcome.removed.push(name.clone());
            if let Err(reason) = self.sink.remove(kind, name.clone()) {
                outcome.rejected.push((name, reason));
            }
        }
        for (position, resource) in resources.into_iter().enumerate() {
            pause(position).await;
            let (name, version) = (resource.name.clone(), resource.version.clone());
            match self.sink.update(kind, resource) {
                Ok(()) => outcome.taken.push((name, version)),
                Err(reason) => outcome.rejected.push((name, reason)),
            }
        }
        outcome
    }
}

async fn pause(position: usize) {
    if position % AT_A_TIME == AT_A_TIME - 1 {
        yield_now().await;
    }
}
