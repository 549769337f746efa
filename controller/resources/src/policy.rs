//! `AuthorizationPolicy` of `karez.dev/v1alpha1`: who may connect to what. Field names and string forms are Istio's.
//!
//! An unknown, empty or misspelt field is an error: read as absent it would mean "any", and might open what it was meant to
//! close.

use karez_api::names;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod condition;
mod rule;
mod value;

pub use condition::{Condition, Test, Values};
pub use rule::{From, Operation, Rule, Source, To};
pub use value::{Pattern, Port, Principal, ServiceAccountRef};

use crate::crd_schema::keep_mistakes;
use crate::given;
use crate::metadata::{Metadata, check_labels};
use crate::problem::FieldError;
use crate::resource::{Kind, Labels};

/// Who may connect to the Pods or Services that it covers.
///
/// With neither `selector` nor `targetRefs` it covers its namespace.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karez.dev",
    version = "v1alpha1",
    kind = "AuthorizationPolicy",
    plural = "authorizationpolicies",
    namespaced,
    doc = "Who may connect to the Pods or Services that it covers.",
    category = "karez",
    shortname = "kap",
    status = "crate::status::Status",
    validation = ("self.metadata.name != 'karez-strict-mtls'", "this name is the mesh's own: choose another"),
    printcolumn(name = "Action", type_ = "string", json_path = ".spec.action"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].message"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = keep_mistakes, extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.selector) && has(self.targetRefs))",
    "message": "a policy has a selector or targetRefs, not both",
}]))]
pub struct AuthorizationPolicySpec {
    /// The Pods that it covers; enforced at the Pod.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given::value")]
    #[schemars(with = "Selector")]
    pub selector: Option<Selector>,
    /// The objects that it covers; enforced at their waypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    #[schemars(length(min = 1))]
    pub target_refs: Vec<TargetRef>,
    /// What a match means.
    #[serde(default)]
    pub action: Action,
    /// Whether it is enforced.
    #[serde(default)]
    pub mode: Mode,
    /// The policy matches when any rule does; without a rule it never does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// Pods of the policy's namespace, by label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// All of them must be there; none means every Pod.
    #[serde(default)]
    pub match_labels: Labels,
}

/// An object that a waypoint serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRef {
    /// API group; empty for Kubernetes' own.
    #[serde(default)]
    pub group: String,
    /// Such as `Service` or `Gateway`.
    pub kind: String,
    /// Name in the policy's namespace.
    pub name: String,
}

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// The connection is admitted, and what no Allow policy matches is refused.
    #[default]
    Allow,
    /// The connection is refused, whatever the Allow policies say.
    Deny,
}

/// Whether a policy is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// It decides.
    #[default]
    Enforce,
    /// It is evaluated and logged, and decides nothing.
    Audit,
}

/// An `AuthorizationPolicy` object, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyResource {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it says.
    pub spec: AuthorizationPolicySpec,
}

impl Selector {
    /// Whether a Pod with these labels is covered.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// A selector without a label covers every Pod, as no selector does.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.match_labels.is_empty()
    }

    /// Which Pods a policy covers that is wrong elsewhere; none when that cannot be said either.
    #[must_use]
    pub fn of_broken(policy: &Value) -> Option<Self> {
        let spec = policy.get("spec")?;
        if spec.get("targetRefs").is_some() {
            return None;
        }
        // A selector that cannot be read covers what no selector does: the namespace.
        let selector: Self = serde_json::from_value(spec.get("selector")?.clone()).ok()?;
        selector.check().is_ok().then_some(selector)
    }

    pub(crate) fn check(&self) -> Result<(), FieldError> {
        check_labels("spec.selector.matchLabels", &self.match_labels)
    }
}

impl TryFrom<AuthorizationPolicy> for PolicyResource {
    type Error = FieldError;

    fn try_from(object: AuthorizationPolicy) -> Result<Self, FieldError> {
        let AuthorizationPolicy { metadata, spec, .. } = object;
        let meta = Metadata::read(Kind::AuthorizationPolicy, metadata)?;
        if meta.name == names::STRICT_POLICY {
            return Err(FieldError::new("metadata.name", "this name is the mesh's own: choose another"));
        }
        if spec.selector.is_some() && !spec.target_refs.is_empty() {
            return Err(FieldError::new(
                "spec.targetRefs",
                "a policy has a selector or targetRefs, not both",
            ));
        }
        if let Some(selector) = &spec.selector {
            selector.check()?;
        }
        for (at, rule) in spec.rules.iter().enumerate() {
            rule.check(&format!("spec.rules[{at}]"))?;
        }
        Ok(Self { namespace: meta.namespace, name: meta.name, spec })
    }
}

#[cfg(test)]
mod tests;
