//! The delta protocol's state as a value: what is held, what has been received, what is to be answered.
//!
//! xDS protocol, "Incremental xDS": one request opens each type on a stream, every response is answered by one ACK or
//! NACK that bears its nonce, and a stream that follows another begins with what is held from before.

use std::collections::HashMap;

use karez_api::discovery::{DeltaDiscoveryRequest, Node, Status};

use crate::discovery::kind::Kind;

/// gRPC's INVALID_ARGUMENT.
const INVALID_ARGUMENT: i32 = 3;
/// Objects that a NACK names; the rest is counted.
const NAMED: usize = 8;
/// Characters of one object's problem in a NACK.
const PROBLEM: usize = 512;

/// What outlives streams.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    held: HashMap<Kind, HashMap<String, String>>,
    /// Types of which a response was taken.
    received: Vec<Kind>,
}

/// What became of one response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Name and version of what was taken.
    pub(super) taken: Vec<(String, String)>,
    /// Name of what was not, and why.
    pub(super) rejected: Vec<(String, String)>,
    /// Names of what is no more.
    pub(super) removed: Vec<String>,
}

impl Ledger {
    /// The requests that begin a stream: every type, all of its resources, without those that are held as they are.
    pub(super) fn open(&self, node: &Node) -> Vec<DeltaDiscoveryRequest> {
        let requests = Kind::ALL.into_iter().enumerate().map(|(position, kind)| DeltaDiscoveryRequest {
            // Only a stream's first request has to say who asks.
            node: (position == 0).then(|| node.clone()),
            type_url: kind.type_url().to_owned(),
            // No name at all, in a type's first request, is a wildcard.
            initial_resource_versions: self.held.get(&kind).cloned().unwrap_or_default(),
            ..DeltaDiscoveryRequest::default()
        });
        requests.collect()
    }

    /// Notes what became of a response, and gives the answer to it.
    pub(super) fn settle(&mut self, kind: Kind, nonce: String, outcome: Outcome) -> DeltaDiscoveryRequest {
        let held = self.held.entry(kind).or_default();
        for name in &outcome.removed {
            held.remove(name);
        }
        held.extend(outcome.taken);
        let error_detail = detail(&outcome.rejected);
        // What was refused is held too, under a version that no resource has: a later stream brings it again, or says
        // that it is gone. Something may stand for it: the last good version, or a refusal of all that it covers.
        held.extend(outcome.rejected.into_iter().map(|(name, _)| (name, String::new())));
        if !self.received.contains(&kind) {
            self.received.push(kind);
        }
        DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            response_nonce: nonce,
            error_detail,
            ..DeltaDiscoveryRequest::default()
        }
    }

    /// Whether the types that every control plane serves have been received.
    pub(super) fn has_essentials(&self) -> bool {
        Kind::essential().all(|kind| self.received.contains(&kind))
    }

    /// Whether all types have been received.
    pub(super) fn has_everything(&self) -> bool {
        self.received.len() == Kind::ALL.len()
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
