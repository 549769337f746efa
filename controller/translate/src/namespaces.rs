//! `Namespace` → `NamespaceSettings`, and strict mode in the form that Istio's node proxy understands.

use karez_api::names::{STRICT_POLICY, type_url};
use karez_api::security::string_match::MatchType;
use karez_api::security::{Action, Authorization, Clause, Match, Rule, Scope, StringMatch};
use karez_api::settings::{NamespaceSettings, SameNode};

use crate::mesh;
use crate::output::Output;
use crate::view::View;

/// A namespace that has an object, or Pods.
pub(crate) fn translate(view: View<'_>, name: &str, output: &mut Output) {
    let choice = view.namespace(name);
    if choice.is_none() && !view.relations.has_pods(name) {
        return;
    }
    let strict = view.is_strict(name);
    let same_node = choice.and_then(|choice| choice.same_node);
    let message = NamespaceSettings {
        name: name.to_owned(),
        same_node: same_node.map_or(SameNode::Inherit, mesh::same_node).into(),
        strict,
        enrolled: view.enrols(name),
    };
    output.add(type_url::NAMESPACE, name, &message);
    if strict {
        output.add(type_url::AUTHORIZATION, format!("{name}/{STRICT_POLICY}"), &strict_policy(name));
    }
}

/// Refuses every peer that has no identity.
fn strict_policy(namespace: &str) -> Authorization {
    let any = StringMatch { match_type: Some(MatchType::Presence(())) };
    let no_identity = Match { not_principals: vec![any], ..Match::default() };
    Authorization {
        name: STRICT_POLICY.to_owned(),
        namespace: namespace.to_owned(),
        scope: Scope::Namespace.into(),
        action: Action::Deny.into(),
        rules: vec![Rule { clauses: vec![Clause { matches: vec![no_identity] }] }],
        ..Authorization::default()
    }
}
