//! `AuthorizationPolicy` → `Authorization`.

use karez_api::names::type_url;
use karez_api::security::{self, Authorization, Scope};
use karez_resources::manifest::Broken;
use karez_resources::policy::{Action, Mode, PolicyResource, Selector};
use karez_resources::resource::Labels;
use karez_resources::{Key, Kind};

mod principals;
mod rules;

use crate::report::Effect;
use crate::translation::Output;
use crate::view::View;

pub(crate) fn translate(view: &View<'_>, output: &mut Output<'_>) {
    for policy in &view.policies {
        let key = Key::new(Kind::AuthorizationPolicy, &policy.namespace, &policy.name);
        if policy.spec.target_refs.is_empty() {
            let (rules, taken_strictly) = rules::translate(policy, view.mesh.trust_domain());
            for strict in taken_strictly {
                output.report(&key, strict.field, &strict.reason, Effect::Stricter);
            }
            output.add(type_url::AUTHORIZATION, resource_name(&key), &message(policy, rules));
        } else {
            let why = "a waypoint enforces targetRefs, and none serves yet: this policy is not enforced";
            output.report(&key, "spec.targetRefs".to_owned(), why, Effect::Nothing);
        }
    }
    for (key, broken) in &view.unreadable_policies {
        output.add(type_url::AUTHORIZATION, resource_name(key), &unreadable(key, broken));
    }
}

fn resource_name(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// `namespace/name` of the policies that select a Pod by its labels; those of its namespace apply by their scope.
pub(crate) fn selecting(view: &View<'_>, namespace: &str, labels: &Labels) -> Vec<String> {
    let selects = |selector: Option<&Selector>| {
        selector.is_some_and(|selector| !selector.is_everything() && selector.matches(labels))
    };
    let good =
        view.policies.iter().map(|policy| (&policy.namespace, &policy.name, policy.spec.selector.as_ref()));
    let unreadable = view.unreadable_policies.iter();
    let unreadable = unreadable.map(|(key, broken)| (&key.namespace, &key.name, broken.selector.as_ref()));
    let mut names: Vec<String> = good
        .chain(unreadable)
        .filter(|(of, _, selector)| *of == namespace && selects(*selector))
        .map(|(of, name, _)| format!("{of}/{name}"))
        .collect();
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
