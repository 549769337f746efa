//! What callers may. Pure.

use karez_api::identity::Identity;
use karez_translate::Entitlement;

use super::Caller;
use crate::xds::Visibility;

/// Why a caller gets no certificate of an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningRefusal {
    /// Only node proxies prove identities.
    #[error("{0} carries no traffic, and gets no certificates: node proxies do")]
    NotANodeProxy(Caller),
    /// Its node has nothing to do with the identity.
    #[error("node {node} runs no live Pod of {identity}")]
    NoPod {
        /// The caller's.
        node: String,
        /// What was asked for.
        identity: Identity,
    },
    /// The Pod is not in the mesh.
    #[error(
        "Pod {pod} of {identity} on node {node} is kept out of the mesh by its labels: label it or its namespace \
         karez.dev/mesh=enabled, or release it there (a cluster's agent does by itself; without one, karez pod remove {pod})"
    )]
    OutsideMesh {
        /// The caller's.
        node: String,
        /// What was asked for.
        identity: Identity,
        /// `NAMESPACE/NAME`.
        pod: String,
    },
}

/// What a caller may see of the mesh; none where it may see nothing.
#[must_use]
pub fn visibility(caller: &Caller) -> Option<Visibility> {
    match caller {
        Caller::NodeProxy { .. } => Some(Visibility::Mesh),
        Caller::Agent { node, .. } => Some(Visibility::LocalPods { node: node.clone() }),
        Caller::Operator { .. } => None,
    }
}

/// Rule: an identity is signed for a node proxy only while its node runs a live Pod of it that is to be in the mesh.
///
/// # Errors
/// When the caller may not have it.
pub fn may_sign(
    caller: &Caller,
    identity: &Identity,
    entitlement: impl FnOnce(&Identity, &str) -> Entitlement,
) -> Result<(), SigningRefusal> {
    let Caller::NodeProxy { node, .. } = caller else {
        return Err(SigningRefusal::NotANodeProxy(caller.clone()));
    };
    let (node, identity) = (node.clone(), identity.clone());
    match entitlement(&identity, &node) {
        Entitlement::Entitled => Ok(()),
        Entitlement::NoPod => Err(SigningRefusal::NoPod { node, identity }),
        Entitlement::OutsideMesh { pod } => Err(SigningRefusal::OutsideMesh { node, identity, pod }),
    }
}
