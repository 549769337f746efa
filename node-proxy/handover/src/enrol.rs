//! What is said on the agent's Unix HTTP socket, by the operator's command and the CNI plugin.
//!
//! * `POST /pods` with a [`PodRequest`] enrols a Pod and answers with an [`Enrolment`]; doing it again changes nothing
//! * `DELETE /pods/NAMESPACE/NAME` takes it out of the mesh and answers with a [`Removal`]
//! * `GET /pods` answers with a [`PodList`]
//!
//! What cannot be done is answered with a status of 4xx or 5xx and a [`Problem`].

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub mod client;

/// Most bytes of a request's or an answer's body.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A Pod to enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodRequest {
    /// Its uid; `NAMESPACE/NAME` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    #[serde(default = "default_service_account")]
    pub service_account: String,
    /// Path of its network namespace, as the agent sees it: from the root on.
    pub netns: PathBuf,
    /// Its addresses; those of the namespace itself where none are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// An enrolled Pod, as it is now.
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
    /// Its traffic is redirected: nothing leaves it in the clear unless the mesh decides so.
    pub captured: bool,
    /// The node proxies that carry its traffic. While there is none, connections wait.
    pub carried_by: Vec<String>,
    /// What is wrong; none when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A Pod was enrolled, or was already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// As it is now.
    #[serde(flatten)]
    pub pod: PodStatus,
    /// What is other about it than it was, and what that takes, in words; nothing when it was new, or is the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// All enrolled Pods, by namespace and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodList {
    /// The Pods.
    pub pods: Vec<PodStatus>,
}

/// A Pod was taken out of the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// What was not as it should be on the way; none when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For people.
    pub error: String,
}

fn default_service_account() -> String {
    "default".to_owned()
}

#[cfg(test)]
mod tests;
