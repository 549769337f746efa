//! What a node proxy subscribes to: the mesh and the roots of its trust domains.

mod decode;
mod kind;

use std::sync::Arc;

use karez_api::discovery::Resource;
use karez_mesh::{Change, Mesh};
use tokio::sync::watch;

use crate::bundle::Bundles;
use crate::discovery::mesh::decode::{Update, decode, removal};
use crate::discovery::store::{Sink, Status, Store, Synced};

pub use kind::Kind;

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
pub struct MeshSink {
    next: Mesh,
    mesh: watch::Sender<Arc<Mesh>>,
    bundles: watch::Sender<Bundles>,
}

impl Store<MeshSink> {
    /// An empty mesh, and the view of it.
    #[must_use]
    pub fn new() -> (Self, DiscoveryView) {
        let next = Mesh::default();
        let (mesh, mesh_view) = watch::channel(Arc::new(next.clone()));
        let (bundles, bundles_view) = watch::channel(Bundles::default());
        let (store, synced, status) = Self::of(MeshSink { next, mesh, bundles });
        (store, DiscoveryView { mesh: mesh_view, synced, bundles: bundles_view, status })
    }
}

impl Sink for MeshSink {
    type Kind = Kind;

    fn update(&mut self, kind: Kind, resource: Resource) -> Result<(), String> {
        let name = resource.name.clone();
        match decode(kind, resource) {
            Ok(Update::Mesh(change)) => self.apply(*change),
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

    fn remove(&mut self, kind: Kind, name: String) -> Result<(), String> {
        removal(kind, name).map_or(Ok(()), |change| self.apply(change))
    }

    fn publish(&self) {
        self.mesh.send_replace(Arc::new(self.next.clone()));
    }
}

impl MeshSink {
    fn apply(&mut self, change: Change) -> Result<(), String> {
        self.next.apply(change).map_err(|rejected| rejected.reason.to_string())
    }
}

#[cfg(test)]
mod tests;
