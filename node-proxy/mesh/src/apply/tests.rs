use karez_api::security::Action;
use karez_api::settings::{MeshSettings, NamespaceSettings};
use karez_api::workload as wire;
use proptest::prelude::*;

use super::*;
use crate::fixture::arbitrary::{any_policy, any_service, any_workload, changes};
use crate::fixture::{
    anything, applied, hostname, ip, key, mesh, policy, policy_name, service, serving, uid, workload,
};

#[test]
fn a_rejected_object_keeps_its_last_good_version_and_the_rest_goes_on() {
    let broken_workload = || wire::Workload { addresses: vec![vec![1]], ..workload("web", "10.0.0.1") };
    let broken_service =
        || wire::Service { hostname: hostname("front"), ip_families: 9, ..service("front", &[]) };
    let mut mesh = mesh([workload("web", "10.0.0.1").into(), service("front", &["10.9.0.1"]).into()]);
    let good = mesh.clone();
    let rejected = mesh.apply(broken_workload().into()).unwrap_err();
    assert_eq!(rejected.name, uid("web"));
    let rejected = mesh.apply(broken_service().into()).unwrap_err();
    assert_eq!(rejected.name, key("front"));
    assert_eq!(mesh, good);
    mesh.apply(workload("cart", "10.0.0.2").into()).unwrap();
    assert!(mesh.workload_at(ip("10.0.0.2")).is_some());
}

#[test]
fn rejections_name_the_object() {
    let name = |change| Mesh::default().apply(change).unwrap_err().name;
    assert_eq!(name(Change::Settings(MeshSettings { same_node: 9, ..Default::default() })), "default");
    let namespace = NamespaceSettings { name: "shop".to_owned(), same_node: 9, ..Default::default() };
    assert_eq!(name(namespace.into()), "shop");
    let broken = security::Authorization { action: 9, ..policy("one", Action::Deny, vec![]) };
    assert_eq!(name(broken.into()), "shop/one");
    assert_eq!(name(Change::Address(wire::Address { r#type: None })), "");
}

#[test]
fn an_unreadable_policy_is_held_until_it_is_mended_or_gone() {
    let broken = || Change::UndecodableAuthorization { name: "shop/one".to_owned() };
    let body = |mesh: &Mesh| mesh.policy(&policy_name("one")).map(|policy| policy.body.clone());
    let mut mesh = mesh([broken()]);
    assert_eq!(body(&mesh), Some(Body::Unreadable));
    mesh.apply(policy("one", Action::Deny, vec![anything()]).into()).unwrap();
    assert!(matches!(body(&mesh), Some(Body::Readable { .. })));
    assert_eq!(mesh.policies().len(), 1, "mended in place");
    mesh.apply(broken()).unwrap();
    assert!(matches!(body(&mesh), Some(Body::Readable { .. })), "the last good version stays");

    mesh.apply(Change::RemoveAuthorization("shop/one".to_owned())).unwrap();
    mesh.apply(broken()).unwrap();
    mesh.apply(Change::RemoveAuthorization("shop/one".to_owned())).unwrap();
    assert_eq!(mesh, Mesh::default());
}

#[test]
fn an_unreadable_policy_covers_what_its_latest_version_does() {
    let broken = |scope: security::Scope| {
        Change::from(security::Authorization {
            scope: scope.into(),
            action: 9,
            ..policy("one", Action::Deny, vec![])
        })
    };
    let mut mesh = Mesh::default();
    for scope in [security::Scope::WorkloadSelector, security::Scope::Global] {
        mesh.apply(broken(scope)).unwrap_err();
        let expected = usize::from(scope == security::Scope::Global);
        assert_eq!(mesh.policies.covering("bank", &[]).count(), expected, "{scope:?}");
    }
}

/// Otherwise a policy with another name inside could never be removed by its resource name.
#[test]
fn a_policy_is_held_under_the_name_that_it_came_under() {
    let mut mesh = Mesh::default();
    let mut apply = |change| mesh.apply(change);
    let other = policy("other", Action::Deny, vec![anything()]);
    apply(Change::Authorization { name: "shop/one".to_owned(), policy: other }).unwrap_err();
    apply(Change::RemoveAuthorization("shop/one".to_owned())).unwrap();
    assert_eq!(mesh, Mesh::default());
}

#[test]
fn a_policy_that_changes_its_scope_leaves_the_old_one() {
    let scoped = |scope: security::Scope| security::Authorization {
        scope: scope.into(),
        ..policy("one", Action::Deny, vec![])
    };
    let mut mesh = Mesh::default();
    for scope in [security::Scope::Namespace, security::Scope::Global, security::Scope::WorkloadSelector] {
        mesh.apply(scoped(scope).into()).unwrap();
        let covered = |namespace| mesh.policies.covering(namespace, &[]).count();
        let expected = match scope {
            security::Scope::Namespace => [1, 0],
            security::Scope::Global => [1, 1],
            security::Scope::WorkloadSelector => [0, 0],
        };
        assert_eq!([covered("shop"), covered("bank")], expected, "{scope:?}");
    }
}

#[test]
fn the_meshs_trust_domain_reaches_workloads_that_came_before_it() {
    let settings =
        || Change::Settings(MeshSettings { trust_domain: "mesh.example".to_owned(), ..Default::default() });
    let own = || wire::Workload { trust_domain: "own.example".to_owned(), ..workload("cart", "10.0.0.2") };
    let workloads = || [serving("front", workload("web", "10.0.0.1")).into(), own().into()];
    let mut mesh = mesh(workloads().into_iter().chain([settings()]));
    let identity = |mesh: &Mesh, name| mesh.workload(&uid(name)).unwrap().identity.to_string();
    assert_eq!(identity(&mesh, "web"), "spiffe://mesh.example/ns/shop/sa/web");
    assert_eq!(identity(&mesh, "cart"), "spiffe://own.example/ns/shop/sa/cart");
    assert_eq!(mesh, crate::fixture::mesh([settings()].into_iter().chain(workloads())));

    mesh.apply(Change::RemoveSettings).unwrap();
    assert_eq!(identity(&mesh, "web"), "spiffe://cluster.local/ns/shop/sa/web");
}

proptest! {
    #[test]
    fn removing_undoes_adding(
        changes in changes(),
        new_workload in any_workload(),
        new_service in any_service(),
        new_policy in any_policy(),
    ) {
        let before = applied(changes);
        let new_workload = wire::Workload { uid: "new".to_owned(), ..new_workload };
        let new_service = wire::Service { hostname: "new".to_owned(), ..new_service };
        let new_policy = security::Authorization { name: "new".to_owned(), ..new_policy };
        let service_name = format!("{}/new", new_service.namespace);
        let policy_name = format!("{}/new", new_policy.namespace);
        let mut after = before.clone();
        // Readable or not: an unreadable policy is removed by its name too.
        for change in [new_workload.into(), new_service.into(), new_policy.into()] {
            let _rejected = after.apply(change);
        }
        for change in [
            Change::RemoveAddress("new".to_owned()),
            Change::RemoveAddress(service_name),
            Change::RemoveAuthorization(policy_name),
        ] {
            after.apply(change).unwrap();
        }
        prop_assert_eq!(before, after);
    }

    #[test]
    fn applying_twice_is_applying_once(changes in changes()) {
        let once = applied(changes.clone());
        if let Some(last) = changes.last() {
            let mut twice = once.clone();
            let _rejected = twice.apply(last.clone());
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(shuffled in Just(a_world()).prop_shuffle()) {
        prop_assert_eq!(mesh(shuffled), mesh(a_world()));
    }
}

/// Changes with distinct keys.
fn a_world() -> Vec<Change> {
    vec![
        serving("front", workload("web-0", "10.0.0.1")).into(),
        serving("front", workload("web-1", "10.0.0.2")).into(),
        serving("back", serving("front", workload("db", "10.0.0.3"))).into(),
        service("front", &["10.9.0.1"]).into(),
        service("back", &[]).into(),
        policy("one", Action::Deny, vec![anything()]).into(),
        Change::UndecodableAuthorization { name: "bank/two".to_owned() },
        Change::Settings(MeshSettings { trust_domain: "mesh.example".to_owned(), ..Default::default() }),
        NamespaceSettings { name: "shop".to_owned(), ..Default::default() }.into(),
    ]
}
