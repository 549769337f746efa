//! `status` of Karez's own kinds, which the controller writes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `Accepted` says whether the object is in force as written. If it is not, the message names the field to mend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The last spec that could be read, as JSON. It is in force while the present one cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_good_spec: Option<String>,
}

/// The type of the condition that says whether an object is in force as written.
pub const ACCEPTED: &str = "Accepted";

/// The field of [`Status::last_good_spec`].
pub const LAST_GOOD_SPEC: &str = "lastGoodSpec";
