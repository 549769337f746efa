//! A cluster as a source: every kind that the mesh reads is listed, and then watched.
//!
//! * [`observed`] – an object as it came: its name, and what it says or why it cannot be read
//! * [`needed`] – what is kept of an object as it arrives
//! * [`listing`] – pure: which objects of a kind are there, and which a relist shows to be gone
//! * [`watch`] – the watch of one kind
//! * [`own_pods`] – finds the mesh's own Pods among all
//! * [`node_watch`] – keeps which nodes are ready

mod listing;
mod needed;
mod node_watch;
mod observed;
mod own_pods;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use karez_resources::mesh::Mesh;
use karez_resources::policy::AuthorizationPolicy;
use kube::Client;
use tokio::task::JoinSet;
use tracing::error;

use super::Sender;
use crate::callers::OwnPodsReader;
use crate::cluster_client::ClusterClient;
use crate::conditions::SightingSender;
use crate::node_health::NodeHealthReader;
use node_watch::NodeWatch;
use own_pods::OwnPodsWatch;
use watch::{KindWatch, Observer};

/// Reads the objects of a cluster.
#[derive(Debug)]
pub struct ClusterSource {
    client: ClusterClient,
    batches: Sender,
    own_pods: OwnPodsWatch,
    nodes: NodeWatch,
    sightings: SightingSender,
}

/// Counts the kinds that have not been listed yet.
#[derive(Debug, Default)]
struct Unlisted(Arc<AtomicUsize>);

impl ClusterSource {
    /// Sends what `client` sees; `sightings` are for those who write statuses. The mesh's own Pods are those of `namespace`.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        batches: Sender,
        sightings: SightingSender,
    ) -> (Self, OwnPodsReader, NodeHealthReader) {
        let (own_pods, own_pods_reader) = OwnPodsWatch::new(namespace);
        let (nodes, node_health) = NodeWatch::new();
        let source = Self { client: ClusterClient(client), batches, own_pods, nodes, sightings };
        (source, own_pods_reader, node_health)
    }

    /// Watches until nobody takes batches any longer.
    pub async fn run(self) {
        let Self { client: ClusterClient(client), batches, own_pods, nodes, sightings } = self;
        let mut watches: Vec<BoxFuture<'static, ()>> = Vec::new();
        let unlisted = Unlisted::default();
        macro_rules! watch {
            ($kind:ty, $observer:expr) => {
                let observer: Option<Box<dyn Observer>> = $observer;
                let watch = KindWatch::<$kind>::new(
                    &client,
                    &batches,
                    unlisted.one_more(),
                    observer,
                    sightings.clone(),
                );
                watches.push(Box::pin(watch.run()));
            };
        }
        watch!(core::Namespace, None);
        watch!(AuthorizationPolicy, None);
        watch!(Mesh, None);
        watch!(core::Node, Some(Box::new(nodes)));
        watch!(networking::ServiceCIDR, None);
        watch!(core::Service, None);
        watch!(discovery::EndpointSlice, None);
        watch!(core::Pod, Some(Box::new(own_pods)));
        // All are counted before the first one runs.
        let mut watches: JoinSet<()> = watches.into_iter().collect();
        while let Some(ended) = watches.join_next().await {
            if let Err(error) = ended {
                // What it watched would go stale without a word.
                error!(%error, "a watch of the cluster failed");
                return;
            }
        }
    }
}

impl Unlisted {
    /// Counts one kind more, whose watch has this.
    fn one_more(&self) -> Self {
        self.0.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }

    /// One kind more has been listed; answers whether it was the last one.
    fn listed(&self) -> bool {
        self.0.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

#[cfg(test)]
mod tests;
