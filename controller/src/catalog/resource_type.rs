//! The types of resources that this controller serves.

use karez_api::names::type_url;

/// A type of resource on the discovery stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Workloads and services.
    Address,
    /// L4 authorization policies.
    Authorization,
    /// The mesh's settings.
    Mesh,
    /// A namespace's settings.
    Namespace,
    /// The roots that peers are verified against.
    TrustBundle,
    /// Pods, for the agent of their node.
    LocalPod,
}

impl ResourceType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Address, Self::Authorization, Self::Mesh, Self::Namespace, Self::TrustBundle, Self::LocalPod];

    /// Its name on the wire.
    #[must_use]
    pub fn url(self) -> &'static str {
        match self {
            Self::Address => type_url::ADDRESS,
            Self::Authorization => type_url::AUTHORIZATION,
            Self::Mesh => type_url::MESH,
            Self::Namespace => type_url::NAMESPACE,
            Self::TrustBundle => type_url::TRUST_BUNDLE,
            Self::LocalPod => type_url::LOCAL_POD,
        }
    }

    /// The type of that name, if this controller serves it.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.url() == url)
    }

    /// Whether programs of Karez's alone ask for it.
    #[must_use]
    pub fn is_own(self) -> bool {
        match self {
            Self::Address | Self::Authorization => false,
            Self::Mesh | Self::Namespace | Self::TrustBundle | Self::LocalPod => true,
        }
    }

    /// The last part of its URL, as metrics and messages call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Address => "Address",
            Self::Authorization => "Authorization",
            Self::Mesh => "MeshSettings",
            Self::Namespace => "NamespaceSettings",
            Self::TrustBundle => "TrustBundle",
            Self::LocalPod => "LocalPod",
        }
    }
}
