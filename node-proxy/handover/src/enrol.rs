//! The API of the agent's Unix HTTP socket, for the operator's command and the CNI plugin.
//!
//! * `POST /pods` with a [`PodRequest`] enrols a Pod and returns an [`Enrolment`]; repeating it changes nothing
//! * `DELETE /pods/NAMESPACE/NAME` removes it from the mesh and returns a [`Removal`]
//! * `GET /pods` returns a [`PodList`]
//!
//! Failures return a status of 4xx or 5xx and a [`Problem`].

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub mod client;

/// Most bytes of a request or response body.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A Pod to enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodRequest {
    /// Its uid; `NAMESPACE/NAME` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    #[serde(default = "default_service_account")]
    pub service_account: String,
    /// Absolute path of its network namespace, as the agent sees it.
    pub netns: PathBuf,
    /// Its addresses; without any, those of the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// The present status of an enrolled Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Its uid.
    pub uid: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    pub service_account: String,
    /// Path of its network namespace, as the agent sees it.
    pub netns: PathBuf,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether its traffic is redirected: nothing leaves in the clear unless the mesh decides so.
    pub captured: bool,
    /// The node proxies that carry its traffic. Without any, connections wait.
    pub carried_by: Vec<String>,
    /// The problem, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The result of an enrolment, new or repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Its present status.
    #[serde(flatten)]
    pub pod: PodStatus,
    /// Changes since the last enrolment, and their consequences, in words. Empty for a new or unchanged Pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// All enrolled Pods, by namespace and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodList {
    /// The Pods.
    pub pods: Vec<PodStatus>,
}

/// The result of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// A problem on the way, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For humans.
    pub error: String,
}

fn default_service_account() -> String {
    "default".to_owned()
}

#[cfg(test)]
mod tests;
