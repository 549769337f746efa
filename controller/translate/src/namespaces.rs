//! `Namespace` → `NamespaceSettings`, and strict mode in the form that Istio's node proxy understands.

use karez_api::names::{STRICT_POLICY, type_url};
use karez_api::security::string_match::MatchType;
use karez_api::security::{Action, Authorization, Clause, Match, Rule, Scope, StringMatch};
use karez_api::settings::{NamespaceSettings, SameNode};

use crate::mesh;
use crate::translation::Output;
use crate::view::View;

pub(crate) fn translate(view: &View<'_>, output: &mut Output<'_>) {
    for namespace in view.namespace_names() {
        let same_node = view.namespaces.get(namespace).and_then(|choice| choice.same_node);
        let strict = view.is_strict(namespace);
        let message = NamespaceSettings {
            name: namespace.to_owned(),
            same_node: same_node.map_or(SameNode::Inherit, mesh::same_node).into(),
            strict,
        };
        output.add(type_url::NAMESPACE, namespace.to_owned(), &message);
        if strict {
            output.add(
                type_url::AUTHORIZATION,
                format!("{namespace}/{STRICT_POLICY}"),
                &strict_policy(namespace),
            );
        }
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
