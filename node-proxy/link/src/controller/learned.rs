//! Roots that discovery has brought.

use std::fmt;
use std::sync::Arc;

use crate::bundle::TrustBundle;
#[cfg(feature = "mesh")]
use crate::discovery::DiscoveryView;

/// The mesh's own roots as discovery has brought them: they prove the controller beside those of the CA file, so that a
/// rotation does not cut off a node whose copy of the file is older.
///
/// The mesh's own alone. The root of another trust domain vouches for that domain's workloads, not for who may configure
/// this node.
#[derive(Clone)]
pub struct LearnedRoots(Arc<dyn Fn() -> Option<Arc<TrustBundle>> + Send + Sync>);

impl LearnedRoots {
    /// Never any: the CA file alone proves the controller.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(|| None))
    }

    /// Those of a view, as it is whenever a connection is made.
    #[cfg(feature = "mesh")]
    #[must_use]
    pub fn of(view: &DiscoveryView) -> Self {
        let (mesh, bundles) = (view.mesh.clone(), view.bundles.clone());
        Self(Arc::new(move || {
            let mesh = Arc::clone(&mesh.borrow());
            bundles.borrow().find(mesh.settings().trust_domain()).cloned()
        }))
    }

    /// The roots at present; `None` before discovery has brought any.
    pub(super) fn current(&self) -> Option<Arc<TrustBundle>> {
        (self.0)()
    }
}

impl fmt::Debug for LearnedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LearnedRoots").field(&self.current()).finish()
    }
}

#[cfg(test)]
mod tests;
