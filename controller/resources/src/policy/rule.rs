//! `rules`: from whom, to what, when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::value::{Pattern, Port, Principal, ServiceAccountRef};
use crate::given;
use crate::ip_block::IpBlock;
use crate::problem::FieldError;

/// Matches when `from`, `to` and every `when` do; what is absent always does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = given::lists_in_schema)]
pub struct Rule {
    /// Any of these sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub from: Vec<From>,
    /// Any of these operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub to: Vec<To>,
    /// All of these conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub when: Vec<Condition>,
}

/// One alternative of `from`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct From {
    /// The peer.
    pub source: Source,
}

/// One alternative of `to`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct To {
    /// What the peer asks for.
    pub operation: Operation,
}

/// A peer: every field that is written must match, by any of its values; a `not` field by none of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = given::lists_in_schema, extend("minProperties" = 1))]
#[allow(missing_docs, reason = "Istio's fields; each `not` field is the negation of the one before")]
pub struct Source {
    /// The peer's identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub principals: Vec<Principal>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_principals: Vec<Principal>,
    /// The peer's namespace, from its identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub namespaces: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_namespaces: Vec<Pattern>,
    /// The peer's service account, in any trust domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub service_accounts: Vec<ServiceAccountRef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_service_accounts: Vec<ServiceAccountRef>,
    /// The peer's own address.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub ip_blocks: Vec<IpBlock>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_ip_blocks: Vec<IpBlock>,
    /// From a request's token: needs a waypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub request_principals: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_request_principals: Vec<Pattern>,
    /// From a request's forwarding headers: needs a waypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub remote_ip_blocks: Vec<IpBlock>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_remote_ip_blocks: Vec<IpBlock>,
}

/// What is asked for: every field that is written must match, by any of its values; a `not` field by none of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = given::lists_in_schema, extend("minProperties" = 1))]
#[allow(missing_docs, reason = "Istio's fields; each `not` field is the negation of the one before")]
pub struct Operation {
    /// The Pod's port, as the application listens on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub ports: Vec<Port>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_ports: Vec<Port>,
    /// From a request: needs a waypoint, as all below do.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub hosts: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_hosts: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub methods: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_methods: Vec<Pattern>,
    /// Istio's path templates are refused: `*` stands only at an end.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub paths: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    pub not_paths: Vec<Pattern>,
}

impl Rule {
    /// The type says that a list has an element; here, that an element says something.
    pub(super) fn check(&self, field: &str) -> Result<(), FieldError> {
        let empty = |field: String| Err(FieldError::new(field, "must have at least one field"));
        if let Some(at) = self.from.iter().position(|from| from.source == Source::default()) {
            return empty(format!("{field}.from[{at}].source"));
        }
        if let Some(at) = self.to.iter().position(|to| to.operation == Operation::default()) {
            return empty(format!("{field}.to[{at}].operation"));
        }
        Ok(())
    }
}

impl Source {
    /// The first field that only a waypoint can check.
    #[must_use]
    pub fn layer7_field(&self) -> Option<&'static str> {
        first_written([
            ("requestPrincipals", self.request_principals.is_empty()),
            ("notRequestPrincipals", self.not_request_principals.is_empty()),
            ("remoteIpBlocks", self.remote_ip_blocks.is_empty()),
            ("notRemoteIpBlocks", self.not_remote_ip_blocks.is_empty()),
        ])
    }
}

impl Operation {
    /// The first field that only a waypoint can check.
    #[must_use]
    pub fn layer7_field(&self) -> Option<&'static str> {
        first_written([
            ("hosts", self.hosts.is_empty()),
            ("notHosts", self.not_hosts.is_empty()),
            ("methods", self.methods.is_empty()),
            ("notMethods", self.not_methods.is_empty()),
            ("paths", self.paths.is_empty()),
            ("notPaths", self.not_paths.is_empty()),
        ])
    }
}

fn first_written<const N: usize>(fields: [(&'static str, bool); N]) -> Option<&'static str> {
    fields.into_iter().find(|(_, empty)| !empty).map(|(name, _)| name)
}
