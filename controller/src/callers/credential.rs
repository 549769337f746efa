//! What vouches for a caller, for as long as it does.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::Status;

use super::own_pods::{OwnPodsReader, vouch_for};
use super::{Caller, stopping};
use crate::tokens::{Presented, Tokens};

/// Vouches for a caller. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Credential {
    /// Its token stands in the tokens file.
    Listed {
        /// The token.
        presented: Presented,
        /// The file, as it changes.
        tokens: watch::Receiver<Arc<Tokens>>,
    },
    /// The API server has accepted its token, and its Pod lives.
    Reviewed {
        /// Whose token it is.
        caller: Caller,
        /// The mesh's own Pods, as they change.
        pods: OwnPodsReader,
    },
}

impl Credential {
    /// Who calls, if it may still: a token may be taken away while its call's message is on the way.
    pub(super) fn caller(&self) -> Result<Caller, Status> {
        match self {
            Self::Listed { presented, tokens } => {
                let tokens = tokens.borrow();
                let caller = tokens.caller(presented).cloned();
                caller.ok_or_else(|| Status::unauthenticated("the tokens file does not hold this token"))
            }
            Self::Reviewed { caller, pods } => match vouch_for(&pods.borrow(), caller) {
                true => Ok(caller.clone()),
                false => Err(pod_gone(caller)),
            },
        }
    }

    /// Returns when it vouches for `caller` no longer. Cancel safe.
    pub(super) async fn revoked(&mut self, caller: &Caller) -> Status {
        match self {
            Self::Listed { presented, tokens } => {
                let is_revoked = |tokens: &Arc<Tokens>| tokens.caller(presented) != Some(caller);
                match tokens.wait_for(is_revoked).await {
                    Ok(_) => Status::unauthenticated("the token was removed from the tokens file"),
                    Err(_) => stopping(),
                }
            }
            Self::Reviewed { pods, .. } => match pods.wait_for(|pods| !vouch_for(pods, caller)).await {
                Ok(_) => pod_gone(caller),
                Err(_) => stopping(),
            },
        }
    }
}

pub(super) fn pod_gone(caller: &Caller) -> Status {
    let uid = caller.pod().unwrap_or_default();
    Status::unauthenticated(format!(
        "the token is of {caller} in Pod {uid}, and no such Pod of this mesh lives on that node"
    ))
}
