//! The delta protocol's state as a value: resources held, responses received, answers due.
//!
//! xDS protocol, "Incremental xDS": one request opens each type on a stream, every response is answered by one ACK or
//! NACK that bears its nonce, and a stream that follows another begins with what is held from before.

use std::collections::HashMap;

use karez_api::discovery::{DeltaDiscoveryRequest, Node, Status};

use crate::discovery::kind::ResourceKind;

/// gRPC's INVALID_ARGUMENT.
const INVALID_ARGUMENT: i32 = 3;
/// Objects that a NACK names; the rest is counted.
const NAMED: usize = 8;
/// Characters of one object's problem in a NACK.
const PROBLEM: usize = 512;

/// Protocol state that outlives streams.
#[derive(Debug)]
pub(super) struct Ledger<K> {
    /// Names and versions, without the room that a text may grow into: a node holds those of all the mesh.
    held: HashMap<K, HashMap<Box<str>, Box<str>>>,
}

/// The outcome of one response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ApplyOutcome {
    /// Names and versions of resources that were taken.
    pub(super) taken: Vec<(String, String)>,
    /// Names of resources that were rejected, and why.
    pub(super) rejected: Vec<(String, String)>,
    /// Names of resources that were removed.
    pub(super) removed: Vec<String>,
}

impl<K: ResourceKind> Ledger<K> {
    /// The requests that begin a stream. The first one says who asks.
    pub(super) fn open(&self, node: &Node) -> Vec<DeltaDiscoveryRequest> {
        let mut requests = self.subscribe(K::FIRST);
        if let Some(first) = requests.first_mut() {
            first.node = Some(node.clone());
        }
        requests
    }

    /// The requests that subscribe a stream to types: all resources of each, without those that are held as they are.
    pub(super) fn subscribe(&self, kinds: &[K]) -> Vec<DeltaDiscoveryRequest> {
        let held = |kind| {
            let held = self.held.get(kind).into_iter().flatten();
            held.map(|(name, version)| (name.to_string(), version.to_string())).collect()
        };
        let requests = kinds.iter().map(|kind| DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            // No name at all, in a type's first request, is a wildcard.
            initial_resource_versions: held(kind),
            ..DeltaDiscoveryRequest::default()
        });
        requests.collect()
    }

    /// Whether it holds a resource of one of these types.
    pub(super) fn holds_any(&self, kinds: &[K]) -> bool {
        kinds.iter().any(|kind| self.held.get(kind).is_some_and(|held| !held.is_empty()))
    }

    /// Notes the outcome of a response, and returns the answer to it.
    pub(super) fn settle(&mut self, kind: K, nonce: String, outcome: ApplyOutcome) -> DeltaDiscoveryRequest {
        let held = self.held.entry(kind).or_default();
        for name in &outcome.removed {
            held.remove(name.as_str());
        }
        held.extend(outcome.taken.into_iter().map(|(name, version)| (name.into(), version.into())));
        let error_detail = detail(&outcome.rejected);
        // What was refused is held too, under a version that no resource has: a later stream brings it again, or says
        // that it is gone. Something may stand for it: the last good version, or a refusal of all that it covers.
        held.extend(outcome.rejected.into_iter().map(|(name, _)| (name.into(), Box::default())));
        DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            response_nonce: nonce,
            error_detail,
            ..DeltaDiscoveryRequest::default()
        }
    }
}

impl<K> Default for Ledger<K> {
    /// Nothing is held.
    fn default() -> Self {
        Self { held: HashMap::new() }
    }
}

fn detail(rejected: &[(String, String)]) -> Option<Status> {
    if rejected.is_empty() {
        return None;
    }
    let named = rejected.iter().take(NAMED).map(|(name, reason)| shortened(&format!("{name}: {reason}")));
    let mut message = named.collect::<Vec<_>>().join("; ");
    if let Some(more @ 1..) = rejected.len().checked_sub(NAMED) {
        message.push_str(&format!("; and {more} more"));
    }
    Some(Status { code: INVALID_ARGUMENT, message })
}

fn shortened(text: &str) -> String {
    text.chars().take(PROBLEM).collect()
}

#[cfg(test)]
mod tests;
