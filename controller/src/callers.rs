//! Who is calling: the bearer token in a call's metadata, looked up in the tokens file as it is now.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::tokens::{Caller, Presented, Tokens};

/// Tells callers apart. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Callers {
    tokens: watch::Receiver<Arc<Tokens>>,
}

/// A node proxy whose token was found.
pub struct NodeCaller {
    /// The node that the token belongs to.
    pub node: String,
    presented: Presented,
    tokens: watch::Receiver<Arc<Tokens>>,
}

impl Callers {
    /// By these tokens.
    #[must_use]
    pub fn new(tokens: watch::Receiver<Arc<Tokens>>) -> Self {
        Self { tokens }
    }

    /// The node that calls.
    ///
    /// # Errors
    /// A status for the caller when it is no node.
    pub fn node(&self, metadata: &MetadataMap) -> Result<NodeCaller, Status> {
        let presented = presented(metadata)?;
        match self.caller(&presented)? {
            Caller::Node(node) => Ok(NodeCaller { node, presented, tokens: self.tokens.clone() }),
            Caller::Operator => Err(Status::permission_denied(
                "this call is for node proxies, and the token is an operator's",
            )),
        }
    }

    /// Checks that an operator calls.
    ///
    /// # Errors
    /// A status for the caller when it is none.
    pub fn operator(&self, metadata: &MetadataMap) -> Result<(), Status> {
        match self.caller(&presented(metadata)?)? {
            Caller::Operator => Ok(()),
            Caller::Node(node) => Err(Status::permission_denied(format!(
                "this call needs an operator's token, and this one is node {node}'s"
            ))),
        }
    }

    fn caller(&self, presented: &Presented) -> Result<Caller, Status> {
        let tokens = self.tokens.borrow();
        tokens
            .caller(presented)
            .cloned()
            .ok_or_else(|| Status::unauthenticated("the token is not known here"))
    }
}

impl NodeCaller {
    /// Returns when the token is not this node's any longer. Cancel safe.
    pub async fn revoked(&mut self) -> Status {
        let Self { node, presented, tokens } = self;
        let is_revoked = |tokens: &Arc<Tokens>| tokens.caller(presented) != Some(&Caller::Node(node.clone()));
        match tokens.wait_for(is_revoked).await {
            Ok(_) => Status::unauthenticated("the token was taken out of the tokens file"),
            Err(_) => stopping(),
        }
    }
}

/// What callers are told when the controller goes: come back soon.
#[must_use]
pub fn stopping() -> Status {
    Status::new(Code::Unavailable, "the controller is stopping")
}

fn presented(metadata: &MetadataMap) -> Result<Presented, Status> {
    let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
    let Some(header) = header else {
        return Err(Status::unauthenticated("no token: metadata authorization is missing"));
    };
    Presented::from_header(header)
        .ok_or_else(|| Status::unauthenticated("metadata authorization is not of the form Bearer TOKEN"))
}
