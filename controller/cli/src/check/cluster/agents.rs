//! What the agents' metrics say is wrong on their nodes. Pure.

use std::fmt;

/// What an agent tells Prometheus, in the text format.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgentMetrics<'a>(pub(super) &'a str);

/// Something that is wrong on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeProblem {
    /// New Pods run uncaptured at first.
    NoPlugin,
    /// Kubelet is not known by its cgroup.
    Kubelet,
    /// So many Pods should be captured and are not.
    Missing(u64),
}

impl AgentMetrics<'_> {
    /// What is wrong; nothing of what an agent of another version does not tell.
    pub(super) fn problems(&self) -> Vec<NodeProblem> {
        let is_off = |name| self.value(name) == Some(0);
        let missing = self.value("pods_missing").filter(|missing| *missing > 0);
        let problems = [
            is_off("cni_plugin_installed").then_some(NodeProblem::NoPlugin),
            is_off("kubelet_by_cgroup").then_some(NodeProblem::Kubelet),
            missing.map(NodeProblem::Missing),
        ];
        problems.into_iter().flatten().collect()
    }

    fn value(&self, name: &str) -> Option<u64> {
        let sample = |line: &str| {
            line.strip_prefix("karez_agent_")?.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()
        };
        self.0.lines().find_map(sample)
    }
}

impl fmt::Display for NodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlugin => f.write_str(
                "the CNI plugin is not installed there, so that new Pods are captured only after their start: cni.enabled is false, or the agent's log says why",
            ),
            Self::Kubelet => f.write_str(
                "kubelet is not known by its cgroup: in strict mode every process of root's there passes for it, or its probes are \
                 refused; the agent's log says which",
            ),
            Self::Missing(pods) => {
                write!(f, "{pods} Pods run there that should be in the mesh and are not captured: the agent's log says why")
            }
        }
    }
}

#[cfg(test)]
mod tests;
