//! What is wrong. Pure.

use std::fmt;

use super::capability::Capability;
use super::process::PodProcess;
use super::{CheckedPod, PodNetwork};

/// The lowest port that the agent opens in a Pod.
const FIRST_PORT: u16 = 15001;

/// Something that breaks a promise of the mesh, or could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A Pod's traffic is not redirected.
    Uncaptured {
        /// The Pod.
        pod: String,
        /// Why, in the agent's words.
        problem: String,
    },
    /// A Pod could not be looked into.
    Unreadable {
        /// The Pod.
        pod: String,
        /// Why.
        reason: String,
    },
    /// Processes of a Pod have a capability, or can get it.
    Capability {
        /// The Pod.
        pod: String,
        /// What they have.
        capability: Capability,
        /// They have it now; otherwise a program that they start may give it to them.
        is_held: bool,
        /// Command and id of the first of them.
        first: (String, u32),
        /// How many others there are.
        others: usize,
    },
    /// The agent could not open the mesh's ports again.
    ReservedPorts {
        /// The Pod.
        pod: String,
        /// Its `net.ipv4.ip_unprivileged_port_start`.
        start: u16,
    },
}

/// Everything that is wrong; nothing when all is well.
#[must_use]
pub fn findings(pods: &[CheckedPod]) -> Vec<Finding> {
    pods.iter().flat_map(of_pod).collect()
}

fn of_pod(pod: &CheckedPod) -> Vec<Finding> {
    let name = || pod.name.clone();
    let uncaptured = pod.uncaptured.iter();
    let mut found: Vec<_> =
        uncaptured.map(|problem| Finding::Uncaptured { pod: name(), problem: problem.clone() }).collect();
    match &pod.network {
        Err(reason) => found.push(Finding::Unreadable { pod: name(), reason: reason.clone() }),
        Ok(PodNetwork { unprivileged_ports, processes }) => {
            if *unprivileged_ports > FIRST_PORT {
                found.push(Finding::ReservedPorts { pod: name(), start: *unprivileged_ports });
            }
            for capability in Capability::ALL {
                found.extend(of_capability(&pod.name, capability, true, processes));
                found.extend(of_capability(&pod.name, capability, false, processes));
            }
        }
    }
    found
}

fn of_capability(
    pod: &str,
    capability: Capability,
    is_held: bool,
    processes: &[PodProcess],
) -> Option<Finding> {
    let has = |process: &&PodProcess| {
        let capabilities = if is_held { process.holds() } else { process.may_gain() };
        capabilities.contains(&capability)
    };
    let mut having = processes.iter().filter(has);
    let first = having.next()?;
    Some(Finding::Capability {
        pod: pod.to_owned(),
        capability,
        is_held,
        first: (first.status.command.clone(), first.pid),
        others: having.count(),
    })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncaptured { pod, problem } => write!(f, "Pod {pod}: not captured: {problem}"),
            Self::Unreadable { pod, reason } => write!(f, "Pod {pod}: not checked: {reason}"),
            Self::ReservedPorts { pod, start } => write!(
                f,
                "Pod {pod}: net.ipv4.ip_unprivileged_port_start is {start}: the agent cannot open the mesh's ports again; \
                 set it to {FIRST_PORT} or less"
            ),
            Self::Capability { pod, capability, is_held, first: (command, pid), others } => {
                let others = match others {
                    0 => String::new(),
                    others => format!(" and {others} more"),
                };
                let power = capability.power();
                match is_held {
                    true => write!(
                        f,
                        "Pod {pod}: {command} (pid {pid}){others} has {capability}: it can {power}; drop {capability} \
                         from the container's capabilities"
                    ),
                    false => write!(
                        f,
                        "Pod {pod}: {command} (pid {pid}){others} may gain {capability} from a setuid program or file \
                         capabilities: it could then {power}; drop {capability} from the container's capabilities, or \
                         forbid privilege escalation"
                    ),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
