//! Resolves names as one Pod sees them.

use std::sync::Arc;

use karez_dns::resolver::Names;
use karez_mesh::Mesh;
use karez_mesh::names::{self, Resolution};
use tokio::sync::watch;

use crate::pod::Pod;

/// Resolves by the mesh as it is when the Pod asks.
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

impl Names for PodNames {
    fn resolve(&self, host: &str) -> Option<Resolution> {
        names::resolve(&self.mesh.borrow(), &self.pod.local, host)
    }
}
