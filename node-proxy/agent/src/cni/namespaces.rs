//! Which namespaces' Pods wait for the agent. Pure.

use std::collections::{BTreeMap, BTreeSet};

use karez_link::discovery::{LocalPods, Membership};

/// Namespaces whose Pods never wait, beside Karez's own: without them a node does not heal.
pub const CLUSTERS_OWN: [&str; 2] = ["kube-system", "kube-node-lease"];

/// The namespaces that are enrolled, as far as this node knows: those of which it has an enrolled Pod. One of which it has
/// no Pod at all stays what it was before.
#[must_use]
pub fn enrolled(before: &BTreeSet<String>, pods: &LocalPods) -> BTreeSet<String> {
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    for pod in pods.values() {
        *known.entry(&pod.namespace).or_default() |= pod.membership == Membership::Enrolled;
    }
    let unspoken_of = before.iter().filter(|namespace| !known.contains_key(namespace.as_str())).cloned();
    let enrolled = known.iter().filter(|(_, is_enrolled)| **is_enrolled);
    unspoken_of.chain(enrolled.map(|(namespace, _)| (*namespace).to_owned())).collect()
}

#[cfg(test)]
mod tests;
