//! The types of resource that the node subscribes to.

use karez_api::names::type_url;

/// A type of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
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
    /// Those that every control plane serves: who must be refused, before whom there is to reach.
    pub(super) const ISTIO: [Self; 2] = [Self::Authorization, Self::Address];
    /// Karez's own.
    pub(super) const OWN: [Self; 3] = [Self::TrustBundle, Self::Mesh, Self::Namespace];
    /// All of them.
    pub(super) const ALL: [Self; 5] =
        [Self::Authorization, Self::Address, Self::TrustBundle, Self::Mesh, Self::Namespace];

    /// Its name on the wire.
    pub(crate) fn type_url(self) -> &'static str {
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
}
