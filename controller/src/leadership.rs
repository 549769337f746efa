//! Which replica of the controller leads: one alone takes the steps of a root's rotation and writes status.
//!
//! * [`lease`] – the Lease by which replicas of a cluster find their leader

pub mod lease;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::callers::{OwnPodsReader, Program};

/// Whether this replica leads, and which others there are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(Option<Replica>);

/// One of several replicas.
#[derive(Debug, Clone)]
struct Replica {
    /// The name of its Pod.
    name: Arc<str>,
    /// It leads until then, unless its term is renewed.
    until: watch::Receiver<Option<Instant>>,
    pods: OwnPodsReader,
}

impl Leadership {
    /// Of a controller that has no replicas.
    #[must_use]
    pub fn alone() -> Self {
        Self(None)
    }

    /// Of the replica in a Pod of that name, which leads until the moment that `until` says; `pods` has the others.
    #[must_use]
    pub fn of_replica(name: &str, until: watch::Receiver<Option<Instant>>, pods: OwnPodsReader) -> Self {
        Self(Some(Replica { name: name.into(), until, pods }))
    }

    /// The name of this replica's Pod; none where there are no others.
    #[must_use]
    pub fn replica(&self) -> Option<&str> {
        self.0.as_ref().map(|replica| &*replica.name)
    }

    /// The other replicas that live: the names of their Pods and of their nodes.
    #[must_use]
    pub fn peers(&self) -> BTreeMap<String, String> {
        let Some(Replica { name, pods, .. }) = &self.0 else { return BTreeMap::new() };
        let pods = pods.borrow();
        let replicas = pods.values().filter(|pod| pod.program == Program::Controller && *pod.name != **name);
        replicas.filter_map(|pod| Some((pod.name.clone(), pod.node.clone()?))).collect()
    }

    /// Whether it leads at this moment. A term that could not be renewed ends by itself, whatever hangs.
    #[must_use]
    pub fn is_leading(&self) -> bool {
        self.0.as_ref().is_none_or(|replica| is_before(&replica.until.borrow()))
    }

    /// Returns when it leads. Cancel safe.
    pub async fn leads(&mut self) {
        let Some(Replica { until, .. }) = &mut self.0 else { return };
        if until.wait_for(is_before).await.is_err() {
            // Nobody renews it any longer: the controller is stopping.
            std::future::pending::<()>().await;
        }
    }
}

fn is_before(until: &Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}
