//! What the plugin asks the agent: `POST` [`PATH`] with an [`AddRequest`], answered with 200 and an [`AddReply`].
//!
//! | status | what it says |
//! | --- | --- |
//! | 200 | the Pod may start |
//! | [`UNKNOWN`] | the controller has not told of the Pod yet: whether it is in the mesh is not known |
//! | any other | it is in the mesh, and could not be captured |
//!
//! All but 200 come with a problem in words, as everything that the agent refuses (`karez-handover`, `enrol::Problem`).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the agent is asked.
pub const PATH: &str = "/cni/add";

/// HTTP's "not found".
pub const UNKNOWN: u16 = 404;

/// A Pod that is about to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddRequest {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, where the runtime tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Path of its network namespace, as the runtime sees it.
    pub netns: PathBuf,
}

/// The Pod may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddReply {
    /// Its traffic is captured; else it is not in the mesh.
    pub captured: bool,
}
