//! What the agent keeps on the node's disk for the plugin: which namespaces are enrolled, and that it is alive.
//!
//! The file's time of change is the agent's sign of life: the agent touches it every [`TOUCHED_EVERY`]. One that has not been
//! touched for [`GONE_AFTER`] is of an agent that is gone for good, such as one whose namespace was deleted.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How often the agent gives a sign of life.
pub const TOUCHED_EVERY: Duration = Duration::from_secs(30);
/// Without a sign of life for so long the agent is gone for good. A node that was off for longer does not count: there it is
/// the time since the node started.
pub const GONE_AFTER: Duration = Duration::from_secs(600);
/// A file with all namespaces of a large cluster.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What the agent wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentFile {
    /// Namespaces whose Pods wait for the agent.
    pub enrolled: BTreeSet<String>,
}

/// The file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it says; none when it is damaged.
    pub file: Option<AgentFile>,
    /// When the agent gave its last sign of life.
    pub touched: SystemTime,
}

impl Found {
    /// Reads the file at `now`; None where there is none. One that cannot even be looked at is damaged, and of now.
    #[must_use]
    pub fn read(path: &Path, now: SystemTime) -> Option<Self> {
        match fs::metadata(path) {
            Ok(metadata) => {
                let touched = metadata.modified().unwrap_or(now);
                Some(Self { file: read(path, metadata.len()).ok(), touched })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(Self { file: None, touched: now }),
        }
    }

    /// Whether the Pods of a namespace wait for the agent. Nobody knows when the file is damaged: then none does, else no Pod
    /// of the node started.
    #[must_use]
    pub fn enrols(&self, namespace: &str) -> bool {
        self.file.as_ref().is_some_and(|file| file.enrolled.contains(namespace))
    }

    /// Whether the agent is gone for good, as seen at `now` by a node that started `uptime` ago.
    #[must_use]
    pub fn is_stale(&self, now: SystemTime, uptime: Duration) -> bool {
        // A clock that was set back makes it a fresh one.
        let silent = now.duration_since(self.touched).unwrap_or_default();
        silent.min(uptime) > GONE_AFTER
    }
}

fn read(path: &Path, length: u64) -> io::Result<AgentFile> {
    if length > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests;
