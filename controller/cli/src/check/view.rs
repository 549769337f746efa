//! The answer as a table and as JSON. Pure.

use serde::Serialize;

use super::capability::Capability;
use super::findings::Finding;
use super::process::PodProcess;
use super::{CheckedPod, PodNetwork};
use crate::table::Table;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    pods: Vec<PodView>,
    /// All that is wrong, in words; empty when nothing was found.
    findings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodView {
    name: String,
    processes: Vec<ProcessView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessView {
    pid: u32,
    command: String,
    uid: u32,
    holds: Vec<String>,
    may_gain: Vec<String>,
}

impl CheckView {
    /// Of what was seen, and what is wrong with it.
    #[must_use]
    pub fn of(pods: &[CheckedPod], findings: &[Finding]) -> Self {
        let pods = pods.iter().map(|pod| PodView {
            name: pod.name.clone(),
            processes: processes(pod).iter().map(ProcessView::of).collect(),
        });
        Self { pods: pods.collect(), findings: findings.iter().map(ToString::to_string).collect() }
    }
}

impl ProcessView {
    fn of(process: &PodProcess) -> Self {
        Self {
            pid: process.pid,
            command: process.status.command.clone(),
            uid: process.status.uid,
            holds: names(&process.holds()),
            may_gain: names(&process.may_gain()),
        }
    }
}

/// The processes with a capability that matters, then everything that is wrong.
#[must_use]
pub fn text(pods: &[CheckedPod], findings: &[Finding]) -> String {
    let count: usize = pods.iter().map(|pod| processes(pod).len()).sum();
    let mut sections = vec![format!("Pods: {}, processes in them: {count}\n", pods.len())];
    sections.extend(table(pods));
    sections.push(match findings {
        [] => "Nothing was found.\n".to_owned(),
        findings => {
            let lines = findings.iter().map(|finding| format!("  {finding}\n"));
            format!("Found:\n{}", lines.collect::<String>())
        }
    });
    sections.join("\n")
}

/// None without a process to show.
fn table(pods: &[CheckedPod]) -> Option<String> {
    let mut table = Table::new(&["POD", "PID", "COMMAND", "UID", "HAS", "MAY GAIN"]);
    let mut is_empty = true;
    for pod in pods {
        for process in processes(pod) {
            let (holds, may_gain) = (names(&process.holds()), names(&process.may_gain()));
            if holds.is_empty() && may_gain.is_empty() {
                continue;
            }
            is_empty = false;
            table.row([
                pod.name.clone(),
                process.pid.to_string(),
                process.status.command.clone(),
                process.status.uid.to_string(),
                holds.join(","),
                may_gain.join(","),
            ]);
        }
    }
    (!is_empty).then(|| table.render())
}

fn processes(pod: &CheckedPod) -> &[PodProcess] {
    pod.network.as_ref().map_or(&[], |PodNetwork { processes, .. }| processes)
}

fn names(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
