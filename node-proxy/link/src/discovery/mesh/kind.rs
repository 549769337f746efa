//! The types that a node proxy subscribes to.

use karez_api::names::type_url;

use crate::discovery::kind::ResourceKind;

/// A type of resource that the mesh is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Workloads and services.
    Address,
    /// L4 authorization policies.
    Authorization,
    /// The mesh's settings.
    Mesh,
    /// Namespaces' settings.
    Namespace,
    /// Roots.
    TrustBundle,
}

impl ResourceKind for Kind {
    /// Istio's: who must be refused, before whom there is to reach.
    const FIRST: &'static [Self] = &[Self::Authorization, Self::Address];
    /// Karez's own.
    const PROMISED: &'static [Self] = &[Self::TrustBundle, Self::Mesh, Self::Namespace];

    fn type_url(self) -> &'static str {
        match self {
            Self::Address => type_url::ADDRESS,
            Self::Authorization => type_url::AUTHORIZATION,
            Self::Mesh => type_url::MESH,
            Self::Namespace => type_url::NAMESPACE,
            Self::TrustBundle => type_url::TRUST_BUNDLE,
        }
    }
}
