use karez_api::{settings as wire_settings, workload as wire};

use super::*;
use crate::fixture::{hostname, ip, key, mesh, service, serving, uid, workload};
use crate::{Change, ServiceName};

#[test]
fn workloads_by_uid_and_address() {
    let mesh = mesh([workload("web", "10.0.0.1").into()]);
    assert_eq!(&*mesh.workload(&uid("web")).unwrap().name, "web");
    assert_eq!(&*mesh.workload_at(ip("10.0.0.1")).unwrap().name, "web");
    assert!(mesh.workload_at(ip("10.0.0.2")).is_none());
    assert_eq!(mesh.workloads().len(), 1);
}

#[test]
fn a_workload_on_its_nodes_network_is_not_found_by_address() {
    let on_node = wire::Workload {
        network_mode: wire::NetworkMode::HostNetwork.into(),
        ..workload("kube-proxy", "10.0.0.1")
    };
    let mesh = mesh([on_node.into()]);
    assert!(mesh.workload_at(ip("10.0.0.1")).is_none());
    assert!(mesh.workloads.is_node(ip("10.0.0.1")));
    assert!(mesh.workload(&uid("kube-proxy")).is_some());
}

/// A Pod may get another's address before the controller reports the first as gone.
#[test]
fn of_two_with_one_address_a_healthy_one_then_the_latest() {
    let holder = |mesh: &Mesh| mesh.workload_at(ip("10.0.0.1")).unwrap().name.to_string();
    let unhealthy = |name| wire::Workload {
        status: wire::WorkloadStatus::Unhealthy.into(),
        ..workload(name, "10.0.0.1")
    };
    let mut mesh = mesh([workload("old", "10.0.0.1").into(), workload("new", "10.0.0.1").into()]);
    assert_eq!(holder(&mesh), "new");
    mesh.apply(workload("old", "10.0.0.1").into()).unwrap();
    assert_eq!(holder(&mesh), "new", "an update is no arrival");
    mesh.apply(unhealthy("new").into()).unwrap();
    assert_eq!(holder(&mesh), "old");
    mesh.apply(unhealthy("old").into()).unwrap();
    assert_eq!(holder(&mesh), "new");
    mesh.apply(Change::RemoveAddress(uid("old"))).unwrap();
    assert_eq!(holder(&mesh), "new", "the old one's removal does not take the address away");
}

#[test]
fn services_by_name_and_address() {
    let elsewhere =
        wire::Service { namespace: "bank".to_owned(), canonical: true, ..service("front", &["10.9.0.1"]) };
    let mesh = mesh([service("front", &["10.9.0.1"]).into(), elsewhere.into()]);
    assert_eq!(&*mesh.service("shop", &hostname("front")).unwrap().name.namespace, "shop");
    assert!(mesh.service("other", &hostname("front")).is_none());
    assert_eq!(mesh.services_named(&hostname("front")).len(), 2);
    assert_eq!(&*mesh.service_at(ip("10.9.0.1")).unwrap().name.namespace, "bank", "the canonical one");
    assert_eq!(mesh.services().count(), 2);
}

#[test]
fn endpoints_may_come_before_their_service() {
    let name = ServiceName::new("shop", &hostname("front"));
    let mut mesh = mesh([
        serving("front", workload("web-1", "10.0.0.2")).into(),
        serving("front", workload("web-0", "10.0.0.1")).into(),
    ]);
    let uids = |mesh: &Mesh| -> Vec<_> {
        mesh.endpoints(&name).map(|endpoint| endpoint.workload.uid.to_string()).collect()
    };
    assert_eq!(uids(&mesh), [uid("web-0"), uid("web-1")]);
    assert!(mesh.is_endpoint(&name, &uid("web-0")));
    assert!(!mesh.is_endpoint(&name, &uid("web-9")));
    // They stay while the service goes and returns.
    mesh.apply(Change::RemoveAddress(key("front"))).unwrap();
    assert_eq!(uids(&mesh).len(), 2);
    mesh.apply(workload("web-0", "10.0.0.1").into()).unwrap();
    assert_eq!(uids(&mesh), [uid("web-1")], "it does not serve any more");
}

#[test]
fn a_namespace_chooses_for_itself() {
    let settings = wire_settings::MeshSettings {
        strict: true,
        same_node: wire_settings::SameNode::Direct.into(),
        ..Default::default()
    };
    let permissive = wire_settings::NamespaceSettings { name: "shop".to_owned(), ..Default::default() };
    let tunnel = wire_settings::NamespaceSettings {
        name: "bank".to_owned(),
        same_node: wire_settings::SameNode::Tunnel.into(),
        strict: true,
        ..Default::default()
    };
    let mut mesh = mesh([settings.into(), permissive.into(), tunnel.into()]);
    assert_eq!(["shop", "bank", "other"].map(|name| mesh.strict(name)), [false, true, true]);
    let same_node = |mesh: &Mesh| ["shop", "bank", "other"].map(|name| mesh.same_node(name));
    assert_eq!(same_node(&mesh), [SameNode::Direct, SameNode::Tunnel, SameNode::Direct]);
    assert_eq!(mesh.namespaces().len(), 2);

    mesh.apply(Change::RemoveNamespace("bank".to_owned())).unwrap();
    mesh.apply(Change::RemoveSettings).unwrap();
    assert_eq!(["shop", "bank", "other"].map(|name| mesh.strict(name)), [false, false, false]);
    assert_eq!(same_node(&mesh), [SameNode::Tunnel; 3]);
}

#[test]
fn a_clone_is_not_touched_by_what_comes_after() {
    let before = mesh([workload("web", "10.0.0.1").into()]);
    let mut after = before.clone();
    after.apply(Change::RemoveAddress(uid("web"))).unwrap();
    assert!(before.workload(&uid("web")).is_some());
    assert!(after.workload(&uid("web")).is_none());
}
