//! Roots that discovery has brought.

use std::sync::Arc;

use karez_mesh::Mesh;
use tokio::sync::watch;

use crate::bundle::{Bundles, TrustBundle};
use crate::discovery::DiscoveryView;

/// The mesh's own roots as discovery has brought them: they prove the controller beside those of the CA file, so that a
/// rotation does not cut off a node whose copy of the file is older.
///
/// The mesh's own alone. The root of another trust domain vouches for that domain's workloads, not for who may configure
/// this node.
#[derive(Debug, Clone)]
pub struct LearnedRoots {
    mesh: watch::Receiver<Arc<Mesh>>,
    bundles: watch::Receiver<Bundles>,
}

impl LearnedRoots {
    /// Those of a view, as it is whenever a connection is made.
    #[must_use]
    pub fn of(view: &DiscoveryView) -> Self {
        Self { mesh: view.mesh.clone(), bundles: view.bundles.clone() }
    }

    /// The roots at present; `None` before discovery has brought any.
    pub(super) fn current(&self) -> Option<Arc<TrustBundle>> {
        let mesh = Arc::clone(&self.mesh.borrow());
        self.bundles.borrow().find(mesh.settings().trust_domain()).cloned()
    }
}

#[cfg(test)]
mod tests;
