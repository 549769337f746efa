//! The only writer of the mesh, and the view that it publishes.

use std::sync::Arc;

use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node, Resource};
use karez_mesh::{Change, Mesh};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::bundle::Bundles;
use crate::discovery::decode::{Update, decode, removal};
use crate::discovery::kind::Kind;
use crate::discovery::ledger::{ApplyOutcome, Ledger};
use crate::discovery::moment::Moment;
use crate::discovery::served::ServedTypes;

/// Resources that are applied before other tasks get their turn.
const AT_A_TIME: usize = 256;

/// Whether the node knows enough to decide. It goes from `Waiting` to `Complete` once and never back: what is known
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

/// The configuration that discovery has brought, kept current. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DiscoveryView {
    /// The mesh.
    pub mesh: watch::Receiver<Arc<Mesh>>,
    /// Whether the node may decide by it.
    pub synced: watch::Receiver<Synced>,
    /// The roots by trust domain. [`Certificates`](crate::Certificates) verifies peers against them.
    pub bundles: watch::Receiver<Bundles>,
    /// The state of discovery.
    pub status: watch::Receiver<Status>,
}

/// The only writer of the mesh.
#[derive(Debug)]
pub struct Store {
    next: Mesh,
    ledger: Ledger,
    moment: Moment,
    mesh: watch::Sender<Arc<Mesh>>,
    synced: watch::Sender<Synced>,
    bundles: watch::Sender<Bundles>,
    status: watch::Sender<Status>,
}

impl Store {
    /// An empty mesh, and the view of it.
    #[must_use]
    pub fn new() -> (Self, DiscoveryView) {
        let next = Mesh::default();
        let (mesh, mesh_view) = watch::channel(Arc::new(next.clone()));
        let (synced, synced_view) = watch::channel(Synced::Waiting);
        let (bundles, bundles_view) = watch::channel(Bundles::default());
        let (status, status_view) = watch::channel(Status::default());
        let ledger = Ledger::default();
        let moment = Moment::default();
        let store = Self { next, ledger, moment, mesh, synced, bundles, status };
        let view = DiscoveryView {
            mesh: mesh_view,
            synced: synced_view,
            bundles: bundles_view,
            status: status_view,
        };
        (store, view)
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
        self.ledger.subscribe(served.own())
    }

    /// The stream has ended. A part that it brought stays back: what was whole serves until another stream completes it.
    pub(super) fn close(&mut self) {
        self.moment.restart();
        self.set_connected(false);
    }

    /// Applies a response and gives the answer to it; `None` when its type was never asked for.
    pub(super) async fn take(&mut self, response: DeltaDiscoveryResponse) -> Option<DeltaDiscoveryRequest> {
        let Some(kind) = Kind::of(&response.type_url) else {
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
            self.publish();
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
        if self.moment.served() == ServedTypes::Istio && self.ledger.holds_any(&Kind::OWN) {
            // A header that is missing must not turn strict mode off.
            tracing::error!(
                "the controller no longer says that it serves the mesh's settings: the last ones stay in force; restart the node \
                 proxy to go on under a controller of Istio's"
            );
        }
        self.publish();
        self.synced.send_if_modified(|synced| std::mem::replace(synced, Synced::Complete) == Synced::Waiting);
    }

    fn is_waiting(&self) -> bool {
        *self.synced.borrow() == Synced::Waiting
    }

    fn publish(&self) {
        self.mesh.send_replace(Arc::new(self.next.clone()));
    }

    fn set_connected(&mut self, connected: bool) {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.connected, connected) != connected);
    }

    async fn apply(&mut self, kind: Kind, resources: Vec<Resource>, removed: Vec<String>) -> ApplyOutcome {
        let mut outcome = ApplyOutcome::default();
        // Removals first: in one response an address may go from a Pod that is gone to a new one.
        for (position, name) in removed.into_iter().enumerate() {
            pause(position).await;
            self.remove(kind, name, &mut outcome);
        }
        for (position, resource) in resources.into_iter().enumerate() {
            pause(position).await;
            let (name, version) = (resource.name.clone(), resource.version.clone());
            match self.update(kind, resource) {
                Ok(()) => outcome.taken.push((name, version)),
                Err(reason) => outcome.rejected.push((name, reason)),
            }
        }
        outcome
    }

    fn remove(&mut self, kind: Kind, name: String, outcome: &mut ApplyOutcome) {
        outcome.removed.push(name.clone());
        if let Some(change) = removal(kind, name.clone())
            && let Err(rejected) = self.next.apply(change)
        {
            outcome.rejected.push((name, rejected.reason.to_string()));
        }
    }

    fn update(&mut self, kind: Kind, resource: Resource) -> Result<(), String> {
        let name = resource.name.clone();
        match decode(kind, resource) {
            Ok(Update::Mesh(change)) => {
                self.next.apply(*change).map_err(|rejected| rejected.reason.to_string())
            }
            Ok(Update::Bundle(bundle)) => {
                self.bundles.send_modify(|bundles| *bundles = bundles.with(bundle));
                Ok(())
            }
            Err(undecodable) => {
                if kind == Kind::Authorization {
                    // A policy that cannot even be decoded must not be as if it were not there.
                    self.next
                        .apply(Change::UndecodableAuthorization { name })
                        .map_err(|rejected| rejected.to_string())?;
                }
                Err(undecodable.to_string())
            }
        }
    }
}

async fn pause(position: usize) {
    if position % AT_A_TIME == AT_A_TIME - 1 {
        yield_now().await;
    }
}

#[cfg(test)]
mod tests;
