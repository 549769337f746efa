//! One client's stream: what it asked for, type by type. Pure.
//!
//! A change often touches several types: a policy that covers its namespace no longer, and the workloads that it selects
//! instead. No order of responses is right for all such changes, so a client is led from one moment of the mesh to the next:
//! everything of a moment is sent, and answered, before anything of a later one, and the last response bears its version.
//! Karez's node proxy changes nothing before that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use karez_api::names::metadata::NODE_NAME;
use prost_types::value::Kind;

use super::batch::Batch;
use super::subscription::{PART_SIZE, Subscription, WHOLE_SIZE};
use super::visibility::{Visibility, Visible};
use crate::catalog::{ResourceType, Snapshot, View};
use crate::progress::Progress;

/// Types that a client may ask for on one stream, those that do not exist included.
const MAX_TYPES: usize = 16;

/// Why a stream is ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The client says that it is another node than its token's.
    #[error("the token belongs to node {token}, and the client says that it is node {client}")]
    OtherNode {
        /// From the tokens file.
        token: String,
        /// From `node.metadata.NODE_NAME`.
        client: String,
    },
    /// More types than there are.
    #[error("subscriptions to more than {MAX_TYPES} types of resources on one stream")]
    TooManyTypes,
    /// More names than a client can need.
    #[error("too many names in a subscription; subscribe to \"*\" instead")]
    TooManyNames,
}

/// The state of one stream.
#[derive(Debug)]
pub struct Conversation {
    node: String,
    visibility: Visibility,
    /// Bytes of resources in one response.
    response_size: usize,
    subscriptions: BTreeMap<String, Subscription>,
    last_nonce: u64,
    /// What the client is being told.
    moment: Arc<Snapshot>,
    nothing: Arc<View>,
}

impl Conversation {
    /// With the node that the caller's token belongs to, of what the caller may see.
    #[must_use]
    pub fn new(node: &str, visibility: Visibility) -> Self {
        Self {
            node: node.to_owned(),
            visibility,
            response_size: WHOLE_SIZE,
            subscriptions: BTreeMap::new(),
            last_nonce: 0,
            moment: Arc::default(),
            nothing: Arc::default(),
        }
    }

    /// With a client that takes a moment of the mesh in small parts.
    #[must_use]
    pub fn in_parts(self) -> Self {
        Self { response_size: PART_SIZE, ..self }
    }

    /// Takes a request in.
    ///
    /// # Errors
    /// When the client asks for what it must not, or for too much: the stream is to be ended.
    pub fn receive(&mut self, request: DeltaDiscoveryRequest) -> Result<(), Violation> {
        self.check_node(request.node.as_ref())?;
        if let Some(subscription) = self.subscriptions.get_mut(&request.type_url) {
            return subscription.receive(request);
        }
        if self.subscriptions.len() >= MAX_TYPES {
            return Err(Violation::TooManyTypes);
        }
        let type_url = request.type_url.clone();
        let resource_type = ResourceType::of_url(&type_url);
        let visible = resource_type.map_or(Visible::Nothing, |it| self.visibility.of(it));
        let subscription = Subscription::new(visible, request)?.cut_at(self.response_size);
        self.subscriptions.insert(type_url, subscription);
        Ok(())
    }

    fn check_node(&self, node: Option<&Node>) -> Result<(), Violation> {
        let field = node.and_then(|node| node.metadata.as_ref()).and_then(|all| all.fields.get(NODE_NAME));
        match field.and_then(|value| value.kind.as_ref()) {
            Some(Kind::StringValue(name)) if *name != self.node => {
                Err(Violation::OtherNode { token: self.node.clone(), client: name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The next response, of whatever type has something to say. At most one per type is on its way at a time.
    pub fn next(&mut self, present: &Arc<Snapshot>) -> Option<DeltaDiscoveryResponse> {
        if self.subscriptions.values().all(Subscription::is_idle) {
            self.moment = Arc::clone(present);
        }
        for (type_url, subscription) in &mut self.subscriptions {
            match ResourceType::of_url(type_url) {
                Some(resource_type) => subscription.look(&self.moment.view(resource_type)),
                None => subscription.look(&self.nothing),
            }
        }
        let nonce = self.last_nonce + 1;
        let mut subscriptions = self.subscriptions.iter_mut();
        let (type_url, batch) =
            subscriptions.find_map(|(type_url, subscription)| Some((type_url, subscription.next(nonce)?)))?;
        let mut response = response(type_url, nonce, &batch);
        self.last_nonce = nonce;
        if !self.subscriptions.values().any(Subscription::has_more) {
            response.system_version_info = self.moment.version().to_string();
        }
        Some(response)
    }

    /// How far the client is with each type that it follows.
    #[must_use]
    pub fn progress(&self) -> BTreeMap<ResourceType, Progress> {
        let known = self.subscriptions.iter();
        known
            .filter_map(|(url, subscription)| {
                Some((ResourceType::of_url(url)?, subscription.progress().clone()))
            })
            .collect()
    }
}

/// A part, as long as it bears no version.
fn response(type_url: &str, nonce: u64, batch: &Batch) -> DeltaDiscoveryResponse {
    let resource_type = ResourceType::of_url(type_url);
    DeltaDiscoveryResponse {
        system_version_info: String::new(),
        // Nothing is ever sent of a type that does not exist.
        resources: resource_type
            .map(|kind| batch.set.iter().map(|entry| entry.resource(kind)).collect())
            .unwrap_or_default(),
        type_url: type_url.to_owned(),
        nonce: nonce.to_string(),
        removed_resources: batch.removed.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests;
