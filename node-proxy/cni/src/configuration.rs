//! The plugin's entry in a network's configuration: the agent writes it, the runtime hands it to the plugin on standard
//! input with what belongs to every plugin (CNI specification, "Section 1: Network configuration format").

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::NAME;
use crate::failure::{Code, Failure};

/// Versions of the CNI specification that the plugin speaks. Before 0.3.0 there were no chains.
pub const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The plugin's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// [`NAME`].
    #[serde(rename = "type")]
    pub plugin: String,
    /// The agent's Unix socket.
    pub socket: PathBuf,
    /// What the agent keeps on disk for the plugin: see [`crate::agent_file`].
    pub agent_file: PathBuf,
    /// Namespaces whose Pods never wait: the cluster's own and Karez's. They stand here, so that a node heals whatever has
    /// become of the file.
    #[serde(default)]
    pub exempt: BTreeSet<String>,
}

/// What the runtime hands over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// The version that runtime and plugins speak.
    #[serde(default)]
    pub cni_version: String,
    /// The plugin's own entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// The result of the plugin before: the Pod's addresses and interfaces.
    pub prev_result: Option<Value>,
}

impl Entry {
    /// An entry that names an agent.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, agent_file: impl Into<PathBuf>, exempt: BTreeSet<String>) -> Self {
        Self { plugin: NAME.to_owned(), socket: socket.into(), agent_file: agent_file.into(), exempt }
    }
}

impl Configuration {
    /// Reads what came on standard input.
    ///
    /// # Errors
    /// When it is none, or of a version that the plugin does not speak.
    pub fn read(text: &[u8]) -> Result<Self, Failure> {
        let configuration: Self = serde_json::from_slice(text)
            .map_err(|error| Failure::new(Code::Decode, format!("the network configuration: {error}")))?;
        if !VERSIONS.contains(&configuration.cni_version.as_str()) {
            let message = format!(
                "CNI version {:?} is not spoken, only {}",
                configuration.cni_version,
                VERSIONS.join(", ")
            );
            return Err(Failure::new(Code::IncompatibleVersion, message));
        }
        Ok(configuration)
    }
}

#[cfg(test)]
mod tests;
