//! What became of each node, and whom to ask next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::agents::{Agent, AgentState};
use crate::table::Table;

/// Waits that one line of progress names.
const NAMED: usize = 5;

/// How far all nodes are.
#[derive(Debug, Default)]
pub(super) struct Progress {
    agents: Vec<Agent>,
    /// Nodes that are to have an agent and have none at the moment.
    without_agent: usize,
    has_looked: bool,
    /// Uids of agents that are being asked.
    asked: BTreeSet<String>,
    /// The last answer, by the agent's uid.
    answers: BTreeMap<String, Result<(), String>>,
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NodeResult {
    /// The node; empty for one that is not known.
    node: String,
    /// In one word.
    result: Outcome,
    /// Why, where it is not done.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// What became of a node, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// Nothing of the mesh is left there.
    Uninstalled,
    /// It is dead.
    NotWaitedFor,
    /// It lives, and is not done.
    NotDone,
}

impl Progress {
    /// Takes in a look at the cluster. `wanted` nodes are to have an agent.
    pub(super) fn see(&mut self, agents: Vec<Agent>, wanted: usize) {
        self.without_agent = wanted.saturating_sub(agents.len());
        self.agents = agents;
        self.has_looked = true;
    }

    /// Agents to ask now, `room` at most.
    pub(super) fn ask(&mut self, room: usize) -> Vec<Agent> {
        let is_open = |agent: &&Agent| {
            agent.state == AgentState::Running && !self.asked.contains(&agent.uid) && !self.is_done(agent)
        };
        let asked: Vec<Agent> = self.agents.iter().filter(is_open).take(room).cloned().collect();
        self.asked.extend(asked.iter().map(|agent| agent.uid.clone()));
        asked
    }

    /// Takes in an agent's answer.
    pub(super) fn note(&mut self, agent: &Agent, answer: Result<(), String>) {
        self.asked.remove(&agent.uid);
        self.answers.insert(agent.uid.clone(), answer);
    }

    /// Whether every node that lives is done.
    pub(super) fn is_over(&self) -> bool {
        self.has_looked && self.nodes().iter().all(|node| node.result != Outcome::NotDone)
    }

    /// What became of every node.
    pub(super) fn nodes(&self) -> Vec<NodeResult> {
        let of_agent = |agent: &Agent| {
            let (result, reason) = self.outcome(agent);
            NodeResult { node: agent.node.clone(), result, reason }
        };
        let unknown = (self.without_agent > 0).then(|| NodeResult {
            node: String::new(),
            result: Outcome::NotDone,
            reason: format!("{} more nodes are to have an agent, and have none", self.without_agent),
        });
        self.agents.iter().map(of_agent).chain(unknown).collect()
    }

    /// In words, whom it waits for.
    pub(super) fn waits(&self) -> String {
        let nodes = self.nodes();
        let waits = nodes.iter().filter(|node| node.result == Outcome::NotDone);
        let mut named: Vec<String> =
            waits.clone().take(NAMED).map(|node| format!("{}: {}", node.node, node.reason)).collect();
        match waits.count().checked_sub(NAMED) {
            None | Some(0) => {}
            Some(others) => named.push(format!("and {others} others")),
        }
        named.join("; ")
    }

    fn is_done(&self, agent: &Agent) -> bool {
        matches!(self.answers.get(&agent.uid), Some(Ok(())))
    }

    fn outcome(&self, agent: &Agent) -> (Outcome, String) {
        match (agent.state, self.answers.get(&agent.uid)) {
            (_, Some(Ok(()))) => (Outcome::Uninstalled, String::new()),
            (AgentState::DeadNode, _) => {
                let reason = "its kubelet gives no sign of life: Pods that still run there keep their rules until they are deleted";
                (Outcome::NotWaitedFor, reason.to_owned())
            }
            (AgentState::Starting, _) => (Outcome::NotDone, format!("Pod {} does not run", agent.pod)),
            (AgentState::Running, Some(Err(reason))) => (Outcome::NotDone, reason.clone()),
            (AgentState::Running, None) => {
                (Outcome::NotDone, format!("Pod {} has not answered yet", agent.pod))
            }
        }
    }
}

/// A line a node.
pub(super) fn text(nodes: &[NodeResult]) -> String {
    if nodes.is_empty() {
        return "no node has an agent\n".to_owned();
    }
    let mut table = Table::new(&["NODE", "RESULT", "REASON"]);
    for NodeResult { node, result, reason } in nodes {
        let result = match result {
            Outcome::Uninstalled => "uninstalled",
            Outcome::NotWaitedFor => "not waited for",
            Outcome::NotDone => "not done",
        };
        table.row([node.clone(), result.to_owned(), reason.clone()]);
    }
    table.render()
}

#[cfg(test)]
mod tests;
