//! Identifies callers: looks up the bearer token of a call in the current tokens file.
//!
//! * [`gate`] – lets calls with a known token through to the services, and no other
//! * [`calls`] – how many are open with each token

mod calls;
mod gate;

use std::sync::Arc;

use http::Extensions;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::tokens::{Caller, Presented, Tokens};

use calls::{Call, Calls};
pub use gate::Gate;

/// An authenticated caller. The [`Gate`] puts it into the call's extensions, where services find it. Cheap to clone.
#[derive(Clone)]
pub struct Bearer {
    presented: Presented,
    tokens: watch::Receiver<Arc<Tokens>>,
    /// Held for its drop.
    _call: Arc<Call>,
}

/// A node proxy whose token was found.
pub struct NodeCaller {
    /// The node that the token belongs to.
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

    /// The bearer of the token in a call's metadata. It is one more of its token's `calls` until its last clone is gone.
    fn identify(
        metadata: &MetadataMap,
        tokens: watch::Receiver<Arc<Tokens>>,
        calls: &Calls,
    ) -> Result<Self, Status> {
        let presented = presented(metadata)?;
        let caller = caller(&tokens, &presented)?;
        let call = calls.begin(presented).ok_or_else(|| {
            let most = calls::MOST;
            Status::resource_exhausted(format!(
                "{caller} has {most} calls open with this token already, and may have no more"
            ))
        })?;
        Ok(Self { presented, tokens, _call: Arc::new(call) })
    }

    /// The node that calls.
    ///
    /// # Errors
    /// A status for the caller when it is no node.
    pub fn node(&self) -> Result<NodeCaller, Status> {
        match caller(&self.tokens, &self.presented)? {
            Caller::Node(node) => Ok(NodeCaller { node, bearer: self.clone() }),
            Caller::Operator => Err(Status::permission_denied(
                "this call is for node proxies, and the token is an operator's",
            )),
        }
    }

    /// Checks that an operator calls.
    ///
    /// # Errors
    /// A status for the caller when it is none.
    pub fn operator(&self) -> Result<(), Status> {
        match caller(&self.tokens, &self.presented)? {
            Caller::Operator => Ok(()),
            Caller::Node(node) => Err(Status::permission_denied(format!(
                "this call needs an operator's token, and this one is node {node}'s"
            ))),
        }
    }
}

impl NodeCaller {
    /// Returns when the token is not this node's any longer. Cancel safe.
    pub async fn revoked(&mut self) -> Status {
        let Self { node, bearer: Bearer { presented, tokens, .. } } = self;
        let is_revoked = |tokens: &Arc<Tokens>| tokens.caller(presented) != Some(&Caller::Node(node.clone()));
        match tokens.wait_for(is_revoked).await {
            Ok(_) => Status::unauthenticated("the token was removed from the tokens file"),
            Err(_) => stopping(),
        }
    }
}

/// The status of every call that the controller's shutdown ends: clients retry on it.
#[must_use]
pub fn stopping() -> Status {
    Status::new(Code::Unavailable, "the controller is stopping")
}

/// Looked up each time: an operator may remove a token while its call's message is on the way.
fn caller(tokens: &watch::Receiver<Arc<Tokens>>, presented: &Presented) -> Result<Caller, Status> {
    let tokens = tokens.borrow();
    tokens
        .caller(presented)
        .cloned()
        .ok_or_else(|| Status::unauthenticated("the tokens file does not hold this token"))
}

fn presented(metadata: &MetadataMap) -> Result<Presented, Status> {
    let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
    let Some(header) = header else {
        return Err(Status::unauthenticated("no token: metadata authorization is missing"));
    };
    Presented::from_header(header)
        .ok_or_else(|| Status::unauthenticated("metadata authorization is not of the form Bearer TOKEN"))
}

#[cfg(test)]
mod tests;
