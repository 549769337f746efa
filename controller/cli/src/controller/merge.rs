//! What several replicas say, as one answer. Pure.
//!
//! A node is connected to one replica, and only that one knows how the node and its Pods are. The rest is the same in all of them.

use std::collections::{BTreeMap, BTreeSet};

use karez_api::operator::{NodeStatus, StatusReply};

/// One answer of all; empty of none.
pub(super) fn merged(replies: Vec<StatusReply>) -> StatusReply {
    let owners = owners(&replies);
    let mut all = replies.into_iter();
    let Some(first) = all.next() else { return StatusReply::default() };
    let mut merged = StatusReply { nodes: Vec::new(), pods: Vec::new(), ..first.clone() };
    let mut named = BTreeSet::new();
    for (at, reply) in std::iter::once(first).chain(all).enumerate() {
        merged.nodes.extend(reply.nodes.into_iter().filter(|node| owners.get(&node.node) == Some(&at)));
        // Pods of nodes that no replica knows are the first one's.
        let is_its = |node: &str| owners.get(node).copied().unwrap_or(0) == at;
        let its = reply.pods.into_iter().filter(|pod| is_its(&pod.node));
        let new = its.filter(|pod| named.insert((pod.namespace.clone(), pod.name.clone(), pod.node.clone())));
        merged.pods.extend(new);
        if merged.configuration_version.is_empty() {
            merged.configuration_version = reply.configuration_version;
        }
    }
    merged.nodes.sort_by(|one, other| one.node.cmp(&other.node));
    merged.pods.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    merged
}

/// For each node the reply that knows it best: of the replica that it is connected to, else that it reported to last.
fn owners(replies: &[StatusReply]) -> BTreeMap<String, usize> {
    let mut owners: BTreeMap<String, (usize, (bool, i64))> = BTreeMap::new();
    for (at, reply) in replies.iter().enumerate() {
        for node in &reply.nodes {
            let rank = rank(node);
            let owner = owners.entry(node.node.clone()).or_insert((at, rank));
            if rank < owner.1 {
                *owner = (at, rank);
            }
        }
    }
    owners.into_iter().map(|(node, (at, _))| (node, at)).collect()
}

/// The smaller, the better.
fn rank(node: &NodeStatus) -> (bool, i64) {
    let age = if node.report_age_s < 0 { i64::MAX } else { node.report_age_s };
    (!node.connected, age)
}

#[cfg(test)]
mod tests;
