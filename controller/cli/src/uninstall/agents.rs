//! The agents of a cluster's nodes, and which of them can be asked. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};

/// The agent of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    /// Its node.
    pub(super) node: String,
    /// Its Pod.
    pub(super) pod: String,
    /// That Pod's uid: another Pod of the same node begins anew.
    pub(super) uid: String,
    /// Whether it can be asked.
    pub(super) state: AgentState,
}

/// Whether an agent can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgentState {
    /// It can.
    Running,
    /// Not yet: its container does not run.
    Starting,
    /// The node's kubelet gives no sign of life, or the node is gone.
    DeadNode,
}

/// The agents, one a node. A Pod that is being deleted is none: its successor is.
pub(super) fn agents(nodes: &[Node], pods: &[Pod]) -> Vec<Agent> {
    let lives: BTreeMap<&str, bool> =
        nodes.iter().filter_map(|node| Some((node.metadata.name.as_deref()?, lives(node)))).collect();
    let mut agents: BTreeMap<String, Agent> = BTreeMap::new();
    for pod in pods {
        let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else { continue };
        let is_dead = !lives.get(node.as_str()).is_some_and(|lives| *lives);
        // On a dead node deletion does not end.
        if pod.metadata.deletion_timestamp.is_some() && !is_dead {
            continue;
        }
        let state = match (is_dead, runs(pod)) {
            (true, _) => AgentState::DeadNode,
            (false, true) => AgentState::Running,
            (false, false) => AgentState::Starting,
        };
        let (name, uid) = (pod.metadata.name.clone(), pod.metadata.uid.clone());
        let agent =
            Agent { node: node.clone(), pod: name.unwrap_or_default(), uid: uid.unwrap_or_default(), state };
        agents.insert(node, agent);
    }
    agents.into_values().collect()
}

/// Whether its kubelet gives signs of life. One that says `False` of itself does: its network may be what is broken.
fn lives(node: &Node) -> bool {
    let mut conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status != "Unknown")
}

fn runs(pod: &Pod) -> bool {
    let mut containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers.any(|container| container.state.as_ref().is_some_and(|state| state.running.is_some()))
}

#[cfg(test)]
mod tests;
