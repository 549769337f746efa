use karez_api::security::{Action, Authorization, Match};

use super::*;
use crate::fixture::{account, anything, exact, net, policy, policy_name, rule};

fn read(wire: Authorization) -> Result<Policy, Reason> {
    Policy::read(policy_name("one"), wire)
}

fn one(rules: Vec<wire::Rule>) -> Authorization {
    policy("one", Action::Allow, rules)
}

#[test]
fn names() {
    assert_eq!(PolicyName::of_resource("shop/one"), policy_name("one"));
    assert_eq!(policy_name("one").to_string(), "shop/one");
    for text in ["", "one", "/one", "shop/", "a/b/c"] {
        let name = PolicyName::of_resource(text);
        assert_eq!((&*name.namespace, &*name.name), ("", text));
        assert_eq!(name.to_string(), text);
    }
}

#[test]
fn what_is_read() {
    let policy = read(Authorization { dry_run: true, ..one(vec![anything()]) }).unwrap();
    assert_eq!(policy.scope, Scope::Namespace);
    let rules = vec![Rule { clauses: vec![] }];
    assert_eq!(policy.body, Body::Readable { action: super::Action::Allow, mode: Mode::Audit, rules });
}

#[test]
fn what_cannot_be_read() {
    let with = |wanted| one(vec![rule(wanted)]);
    let no_pattern = wire::StringMatch { match_type: None };
    let unknown = |field, value| Reason::UnknownValue { field, value };
    let missing = |field| Reason::Missing { field };
    let table = [
        (
            Authorization { name: "two".to_owned(), ..one(vec![]) },
            Reason::OtherName { found: "shop/two".to_owned() },
        ),
        (
            Authorization { namespace: String::new(), ..one(vec![]) },
            Reason::OtherName { found: "/one".to_owned() },
        ),
        (Authorization { scope: 3, ..one(vec![]) }, unknown("scope", 3)),
        (Authorization { action: 2, ..one(vec![]) }, unknown("action", 2)),
        (with(Match { principals: vec![no_pattern.clone()], ..Match::default() }), missing("principals")),
        (
            with(Match { not_namespaces: vec![exact("x"), no_pattern], ..Match::default() }),
            missing("namespaces"),
        ),
        (
            with(Match { not_source_ips: vec![net("10.0.0.0/33")], ..Match::default() }),
            Reason::PrefixLength { field: "source_ips", address: [10, 0, 0, 0].into(), length: 33 },
        ),
        (
            with(Match { destination_ports: vec![0], ..Match::default() }),
            Reason::Port { field: "destination_ports", value: 0 },
        ),
        (
            with(Match { not_service_accounts: vec![account("", "web")], ..Match::default() }),
            missing("service_accounts.namespace"),
        ),
        (
            with(Match { service_accounts: vec![account("shop", "")], ..Match::default() }),
            missing("service_accounts.service_account"),
        ),
    ];
    for (wire, reason) in table {
        assert_eq!(read(wire), Err(reason));
    }
}

/// Only the mesh's policies need no namespace.
#[test]
fn without_a_namespace() {
    let nameless = |scope: wire::Scope| {
        let wire = Authorization { namespace: String::new(), scope: scope.into(), ..one(vec![]) };
        Policy::read(PolicyName::of_resource("one"), wire)
    };
    let missing = Reason::Missing { field: "namespace" };
    assert_eq!(nameless(wire::Scope::Namespace), Err(missing.clone()));
    assert_eq!(nameless(wire::Scope::WorkloadSelector), Err(missing));
    assert_eq!(nameless(wire::Scope::Global).unwrap().scope, Scope::Mesh);
}

#[test]
fn what_an_unreadable_policy_covers() {
    let scope = |name: PolicyName, scope| Policy::unreadable(name, scope).scope;
    let selector = wire::Scope::WorkloadSelector.into();
    assert_eq!(scope(policy_name("one"), Some(wire::Scope::Global.into())), Scope::Mesh);
    assert_eq!(scope(policy_name("one"), Some(selector)), Scope::Selected);
    assert_eq!(scope(policy_name("one"), Some(9)), Scope::Namespace);
    assert_eq!(scope(policy_name("one"), None), Scope::Namespace);
    assert_eq!(scope(PolicyName::of_resource("nameless"), Some(selector)), Scope::Mesh);
}
