//! What the API server says of a token. Pure.

use k8s_openapi::api::authentication::v1::{TokenReviewStatus, UserInfo};
use karez_api::names::{TOKEN_AUDIENCE, object};

use super::Caller;

/// In a reviewed token's `extra`: the node that its Pod is bound to.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
/// In a reviewed token's `extra`: the uid of its Pod.
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

/// Why a token is nobody's whom the controller serves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefusal {
    /// The API server does not know it, or no longer.
    #[error("the API server does not accept the token: {reason}")]
    NotAccepted {
        /// In its words.
        reason: String,
    },
    /// It is for another program.
    #[error("the token is not for the audience {TOKEN_AUDIENCE}")]
    OtherAudience,
    /// Its account has nothing to do here.
    #[error(
        "{user} is none of this mesh's accounts: {namespace} has karez-node, karez-agent and karez-operator"
    )]
    OtherAccount {
        /// As the API server calls it.
        user: String,
        /// The controller's namespace.
        namespace: String,
    },
    /// A program's token that any process could have asked for.
    #[error(
        "the token of {user} is bound to no Pod on a node: programs call with the token that is projected into their Pod"
    )]
    NotBound {
        /// As the API server calls it.
        user: String,
    },
}

/// A service account that calls the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// `karez-node`.
    NodeProxy,
    /// `karez-agent`.
    Agent,
    /// `karez-operator`.
    Operator,
}

/// Who a reviewed token belongs to; the mesh's own accounts are those of `namespace`.
///
/// # Errors
/// When it is nobody's whom the controller serves.
pub(super) fn caller(status: &TokenReviewStatus, namespace: &str) -> Result<Caller, ReviewRefusal> {
    if status.authenticated != Some(true) {
        let reason = status.error.clone().unwrap_or_else(|| "it says no more".to_owned());
        return Err(ReviewRefusal::NotAccepted { reason });
    }
    // A server that knows nothing of audiences answers none: it has not checked it.
    if !status.audiences.iter().flatten().any(|audience| audience == TOKEN_AUDIENCE) {
        return Err(ReviewRefusal::OtherAudience);
    }
    let user = status.user.clone().unwrap_or_default();
    let name = user.username.clone().unwrap_or_default();
    match account(&name, namespace) {
        Some(Account::NodeProxy) => {
            let (node, pod) = bound(&user)?;
            Ok(Caller::NodeProxy { node, pod: Some(pod) })
        }
        Some(Account::Agent) => {
            let (node, pod) = bound(&user)?;
            Ok(Caller::Agent { node, pod: Some(pod) })
        }
        Some(Account::Operator) => Ok(Caller::Operator { user: Some(name) }),
        None => Err(ReviewRefusal::OtherAccount { user: name, namespace: namespace.to_owned() }),
    }
}

/// The account of that user, if it is one of the mesh's own in that namespace.
pub(super) fn account(user: &str, namespace: &str) -> Option<Account> {
    match user.strip_prefix("system:serviceaccount:")?.strip_prefix(namespace)?.strip_prefix(':')? {
        object::NODE_PROXY => Some(Account::NodeProxy),
        object::AGENT => Some(Account::Agent),
        object::OPERATOR => Some(Account::Operator),
        _ => None,
    }
}

/// Node and uid of the Pod that the token was projected into.
fn bound(user: &UserInfo) -> Result<(String, String), ReviewRefusal> {
    let one = |key: &str| {
        let values = user.extra.as_ref()?.get(key)?;
        values.first().filter(|value| values.len() == 1 && !value.is_empty()).cloned()
    };
    one(NODE_NAME)
        .zip(one(POD_UID))
        .ok_or_else(|| ReviewRefusal::NotBound { user: user.username.clone().unwrap_or_default() })
}

#[cfg(test)]
mod tests;
