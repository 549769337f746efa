//! Who calls, and what they may.
//!
//! * [`caller`] – who there is
//! * [`authenticator`] – finds out whose a token is, by the tokens file or by the API server
//! * [`claims`] – pure: what a token says of itself, before the API server is asked
//! * [`review_limiter`] – pure: how much of the API server one address may use
//! * [`review`] – pure: what the API server says of a token
//! * [`credential`] – what vouches for a caller, for as long as it does
//! * [`own_pods`] – the mesh's own Pods, of which callers on a cluster must be one
//! * [`rights`] – pure: what a caller may sign, and what it may see
//! * [`gate`] – lets calls with a known token through to the services, and no other
//! * [`calls`] – how many are open with each token

mod authenticator;
mod caller;
mod calls;
mod claims;
mod credential;
mod gate;
mod own_pods;
mod review;
mod review_limiter;
pub mod rights;

use std::sync::Arc;

use http::Extensions;
use tonic::{Code, Status};

use calls::Call;
use credential::Credential;

pub use authenticator::{Authenticator, TokenReviewer};
pub use caller::Caller;
pub use gate::{Gate, GateLayer};
pub use own_pods::{OwnPod, OwnPods, OwnPodsReader, Program};
pub use review::ReviewRefusal;

/// An authenticated caller. The [`Gate`] puts it into the call's extensions, where services find it. Cheap to clone.
#[derive(Clone)]
pub struct Bearer {
    credential: Credential,
    /// Held for its drop.
    _call: Arc<Call>,
}

/// A program of a node, whose token was found.
pub struct NodeCaller {
    /// Which program.
    pub caller: Caller,
    /// The node that it runs on.
    pub node: String,
    bearer: Bearer,
}

impl Bearer {
    /// Who makes the call that has these extensions.
    ///
    /// # Errors
    /// A status for the caller when no gate has let it through.
    pub fn of(extensions: &Extensions) -> Result<&Self, Status> {
        extensions
            .get()
            .ok_or_else(|| Status::unauthenticated("internal error: the call bypassed authentication"))
    }

    /// The node proxy that calls.
    ///
    /// # Errors
    /// A status for the caller when it is none.
    pub fn node_proxy(&self) -> Result<NodeCaller, Status> {
        match self.credential.caller()? {
            caller @ Caller::NodeProxy { .. } => self.on_node(caller),
            caller => Err(not_for(&caller, "node proxies")),
        }
    }

    /// The node proxy or the agent that calls.
    ///
    /// # Errors
    /// A status for the caller when it is neither.
    pub fn of_node(&self) -> Result<NodeCaller, Status> {
        self.on_node(self.credential.caller()?)
    }

    /// Checks that an operator calls.
    ///
    /// # Errors
    /// A status for the caller when it is none.
    pub fn operator(&self) -> Result<(), Status> {
        match self.credential.caller()? {
            Caller::Operator { .. } => Ok(()),
            caller => Err(Status::permission_denied(format!(
                "this call needs an operator's token, and this one is of {caller}"
            ))),
        }
    }

    fn on_node(&self, caller: Caller) -> Result<NodeCaller, Status> {
        match caller.node().map(str::to_owned) {
            Some(node) => Ok(NodeCaller { caller, node, bearer: self.clone() }),
            None => Err(not_for(&caller, "node proxies and agents")),
        }
    }
}

impl NodeCaller {
    /// Returns when the token is not this caller's any longer. Cancel safe.
    pub async fn revoked(&mut self) -> Status {
        self.bearer.credential.revoked(&self.caller).await
    }
}

/// The status of every call that the controller's shutdown ends: clients retry on it.
#[must_use]
pub fn stopping() -> Status {
    Status::new(Code::Unavailable, "the controller is stopping")
}

fn not_for(caller: &Caller, whom: &str) -> Status {
    Status::permission_denied(format!("this call is for {whom}, and the token is of {caller}"))
}

#[cfg(test)]
mod tests;
