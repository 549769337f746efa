//! `AuthorizationPolicy` → `Authorization`.

use karez_api::names::type_url;
use karez_api::security::{self, Authorization, Scope};
use karez_resources::Key;
use karez_resources::policy::{Action, Mode, PolicyResource, Selector};
use karez_resources::resource::Labels;

mod principals;
mod rules;

use crate::delta::Broken;
use crate::object::Policy;
use crate::output::Output;
use crate::relations::Lookup;
use crate::report::Effect;
use crate::view::View;

pub(crate) fn translate(view: View<'_>, key: &Key, policy: Policy<'_>, output: &mut Output) {
    match policy {
        Policy::Good(policy) if policy.spec.target_refs.is_empty() => {
            let (rules, taken_strictly) = rules::translate(policy, view.mesh.trust_domain());
            for strict in taken_strictly {
                output.report(key, strict.field, &strict.reason, Effect::Stricter);
            }
            output.add(type_url::AUTHORIZATION, resource_name(key), &message(policy, rules));
        }
        Policy::Good(_) => {
            let why = "a waypoint enforces targetRefs, and none serves yet: this policy is not enforced";
            output.report(key, "spec.targetRefs", why, Effect::Nothing);
        }
        Policy::Unreadable(broken) => {
            output.add(type_url::AUTHORIZATION, resource_name(key), &unreadable(key, broken));
        }
    }
}

fn resource_name(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// `namespace/name` of the policies that select a Pod by its labels; those of its namespace apply by their scope.
pub(crate) fn selecting(view: View<'_>, namespace: &str, labels: &Labels) -> Vec<String> {
    let by_label = labels.iter().flat_map(|(label, value)| {
        let (namespace, label, value) = (namespace.to_owned(), label.clone(), value.clone());
        view.found_by(&Lookup::Selects { namespace, label, value })
    });
    let selects = |key: &Key| view.object(key)?.policy(key)?.selects(labels).then(|| resource_name(key));
    let mut names: Vec<String> = by_label.filter_map(|key| selects(key)).collect();
    names.sort();
    names
}

fn message(policy: &PolicyResource, rules: Vec<security::Rule>) -> Authorization {
    Authorization {
        name: policy.name.clone(),
        namespace: policy.namespace.clone(),
        scope: scope(policy.spec.selector.as_ref()).into(),
        action: match policy.spec.action {
            Action::Allow => security::Action::Allow,
            Action::Deny => security::Action::Deny,
        }
        .into(),
        rules,
        dry_run: policy.spec.mode == Mode::Audit,
        unreadable: false,
    }
}

/// Stands for a policy that could never be read: refuses all that it covers. A rule without a clause matches everything.
fn unreadable(key: &Key, broken: &Broken) -> Authorization {
    Authorization {
        name: key.name.clone(),
        namespace: key.namespace.clone(),
        scope: scope(broken.selector.as_ref()).into(),
        action: security::Action::Deny.into(),
        rules: vec![security::Rule::default()],
        dry_run: false,
        unreadable: true,
    }
}

fn scope(selector: Option<&Selector>) -> Scope {
    match selector {
        Some(selector) if !selector.is_everything() => Scope::WorkloadSelector,
        _ => Scope::Namespace,
    }
}
