//! Whether the agent is asked about a Pod, and how long it is waited for. Pure.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::agent_file::Found;

/// How long a Pod of an enrolled namespace waits for the agent. A failed call is repeated only after 11 to 15 s, so it is
/// better to wait.
pub const WAIT: Duration = Duration::from_secs(60);
/// How long another Pod waits, whose own label may put it in the mesh: as long as an agent that is there takes.
pub const SHORT_WAIT: Duration = Duration::from_secs(10);

/// What to do about a new Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Let it start: nobody is asked.
    Pass(Reason),
    /// Ask the agent, which captures the Pod if it is in the mesh.
    Ask(Urgency),
}

/// Why nobody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The namespace is the cluster's own, or Karez's.
    Exempt,
    /// No agent was installed here, or it was uninstalled.
    NoAgent,
    /// The agent has given no sign of life for [`GONE_AFTER`](crate::agent_file::GONE_AFTER).
    AgentGone,
}

/// What becomes of a Pod about which the agent does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Its namespace is enrolled: it does not start uncaptured.
    MustKnow,
    /// It starts: the agent captures it later if its own label says so.
    MayPass,
}

impl Urgency {
    /// How long to wait.
    #[must_use]
    pub fn patience(self) -> Duration {
        match self {
            Self::MustKnow => WAIT,
            Self::MayPass => SHORT_WAIT,
        }
    }
}

/// Decides about a Pod of `namespace` at `now`, on a node that started `uptime` ago. Pods of `exempt` namespaces never wait.
#[must_use]
pub fn decide(
    namespace: &str,
    exempt: &BTreeSet<String>,
    found: Option<&Found>,
    now: SystemTime,
    uptime: Duration,
) -> Decision {
    if exempt.contains(namespace) {
        return Decision::Pass(Reason::Exempt);
    }
    let Some(found) = found else { return Decision::Pass(Reason::NoAgent) };
    if found.is_stale(now, uptime) {
        return Decision::Pass(Reason::AgentGone);
    }
    Decision::Ask(if found.enrols(namespace) { Urgency::MustKnow } else { Urgency::MayPass })
}

#[cfg(test)]
mod tests;
