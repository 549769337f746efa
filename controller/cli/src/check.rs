//! `karez check`: what could break the mesh's promises in the Pods of this machine, or of a cluster.
//!
//! * [`capability`] – pure: which capability breaks which promise, in words
//! * [`process`] – pure: a process, as `/proc` describes it
//! * [`mod@findings`] – pure: what is wrong
//! * [`view`] – pure: the table, and JSON
//! * [`cluster`] – `karez check --cluster`
//! * [`node`] – reads `/proc` and the Pods' network namespaces

mod capability;
mod cluster;
mod findings;
mod node;
mod process;
mod view;

use crate::failure::Failure;
use crate::settings::{AgentSocket, CheckCommand, Format};
use crate::{output, pod};

pub use capability::{Capability, CapabilitySet};
pub use findings::{Finding, findings};
pub use process::{PodProcess, UserNamespace};
pub use view::{CheckView, text};

/// An enrolled Pod, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPod {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// Why its traffic is not redirected, in the agent's words; none when it is.
    pub uncaptured: Option<String>,
    /// Its network namespace, or why that cannot be looked into.
    pub network: Result<PodNetwork, String>,
}

/// A Pod's network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodNetwork {
    /// Its `net.ipv4.ip_unprivileged_port_start`.
    pub unprivileged_ports: u16,
    /// The processes in it.
    pub processes: Vec<PodProcess>,
}

/// Checks every enrolled Pod of this machine, or the cluster.
///
/// # Errors
/// When the agent or `/proc` cannot be read, or something is found.
pub async fn check(command: &CheckCommand, format: Format) -> Result<(), Failure> {
    match command.cluster {
        true => cluster::check(&command.access, format).await,
        false => check_machine(&command.agent, format).await,
    }
}

async fn check_machine(agent: &AgentSocket, format: Format) -> Result<(), Failure> {
    let pods = node::look(&pod::enrolled(agent).await?)?;
    let findings = findings(&pods);
    match format {
        Format::Json => output::json(&CheckView::of(&pods, &findings))?,
        Format::Text => output::text(&text(&pods, &findings))?,
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Found) }
}
