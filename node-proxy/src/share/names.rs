//! Resolves names for one Pod.

use std::sync::Arc;

use karez_dns::resolver::Lookup;
use karez_mesh::Mesh;
use karez_mesh::names::{self, Resolution};
use tokio::sync::watch;

use crate::pod::Pod;

/// Resolves by the worker's present mesh.
#[derive(Debug)]
pub(crate) struct PodNames {
    pod: Arc<Pod>,
    mesh: watch::Receiver<Arc<Mesh>>,
}

impl PodNames {
    pub(crate) fn new(pod: Arc<Pod>, mesh: watch::Receiver<Arc<Mesh>>) -> Self {
        Self { pod, mesh }
    }
}

impl Lookup for PodNames {
    fn resolve(&self, host: &str) -> Option<Resolution> {
        names::resolve(&self.mesh.borrow(), &self.pod.member.local, host)
    }
}
