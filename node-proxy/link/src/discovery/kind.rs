//! The types of resource that the node subscribes to.

use karez_api::names::type_url;

/// A type of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
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

impl Kind {
    /// All of them, in the order in which they are asked for: who must be refused, before whom there is to reach.
    pub(super) const ALL: [Self; 5] =
        [Self::TrustBundle, Self::Mesh, Self::Namespace, Self::Authorization, Self::Address];

    /// Its name on the wire.
    pub(super) fn type_url(self) -> &'static str {
        match self {
            Self::Address => type_url::ADDRESS,
            Self::Authorization => type_url::AUTHORIZATION,
            Self::Mesh => type_url::MESH,
            Self::Namespace => type_url::NAMESPACE,
            Self::TrustBundle => type_url::TRUST_BUNDLE,
        }
    }

    /// The type of that name; `None` when it was never asked for.
    pub(super) fn of(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }

    /// Those that every control plane serves. Karez's own types are unknown to Istio's.
    pub(super) fn essential() -> impl Iterator<Item = Self> {
        [Self::Authorization, Self::Address].into_iter()
    }
}
