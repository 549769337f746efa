use karez_api::workload as wire;
use proptest::prelude::*;

use super::*;
use crate::fixture::arbitrary::{any_pod, any_target, changes};
use crate::fixture::{applied, at, ip, mesh, pod, workload};

fn db() -> LocalPod {
    pod("db", "10.0.0.1")
}

fn peer(identity: Option<&str>) -> InboundPeer {
    let identity = identity.map(|account| Identity::new("cluster.local", "shop", account).unwrap());
    InboundPeer { identity, address: at("10.0.0.2:40000") }
}

fn web_and_db() -> Mesh {
    mesh([workload("web", "10.0.0.2").into(), workload("db", "10.0.0.1").into()])
}

fn name(workload: Option<Arc<Workload>>) -> Option<String> {
    workload.map(|workload| workload.name.to_string())
}

#[test]
fn a_connection_from_the_mesh() {
    let peer = peer(Some("web"));
    let plan = inbound(&web_and_db(), &db(), at("10.0.0.1:5432"), &peer).unwrap();
    assert_eq!(plan.dial, at("10.0.0.1:5432"));
    let destination = plan.dial;
    let connection = Connection { identity: peer.identity, source: ip("10.0.0.2"), destination };
    assert_eq!(plan.connection, connection);
    assert_eq!(name(plan.source).as_deref(), Some("web"));
    assert_eq!(name(plan.destination).as_deref(), Some("db"));
}

#[test]
fn a_plaintext_connection() {
    let plan = inbound(&web_and_db(), &db(), at("10.0.0.1:5432"), &peer(None)).unwrap();
    assert_eq!(plan.connection.identity, None);
    assert_eq!(name(plan.source).as_deref(), Some("web"), "for want of proof the address says who it is");
}

#[test]
fn an_address_that_changed_hands_does_not_name_the_peer() {
    let plan = inbound(&web_and_db(), &db(), at("10.0.0.1:5432"), &peer(Some("cart"))).unwrap();
    assert_eq!(plan.source, None);
    assert_eq!(plan.connection.identity.unwrap().service_account(), "cart");
}

#[test]
fn no_part_of_it_needs_the_mesh_to_know_anybody() {
    let plan = inbound(&Mesh::default(), &db(), at("10.0.0.1:5432"), &peer(Some("web"))).unwrap();
    assert_eq!((plan.source, plan.destination), (None, None));
}

#[test]
fn only_to_the_pod() {
    // Another Pod's address, known or not, or the node's loopback.
    for target in ["10.0.0.2:5432", "10.0.0.77:5432", "127.0.0.1:5432", "[::1]:5432", "0.0.0.0:5432"] {
        let refused = inbound(&web_and_db(), &db(), at(target), &peer(Some("web")));
        assert_eq!(refused, Err(Refusal::NotThisPod { address: at(target) }));
    }
}

#[test]
fn only_to_the_application() {
    for port in port::RESERVED {
        let target = SocketAddr::new(ip("10.0.0.1"), port);
        for peer in [peer(Some("web")), peer(None)] {
            let refused = inbound(&web_and_db(), &db(), target, &peer);
            assert_eq!(refused, Err(Refusal::ReservedPort { port }));
        }
    }
}

#[test]
fn ipv4_mapped_addresses_are_ipv4() {
    let peer = InboundPeer { address: at("[::ffff:10.0.0.2]:40000"), ..peer(Some("web")) };
    let plan = inbound(&web_and_db(), &db(), at("[::ffff:10.0.0.1]:5432"), &peer).unwrap();
    assert_eq!((plan.dial, plan.connection.source), (at("10.0.0.1:5432"), ip("10.0.0.2")));
}

#[test]
fn a_peer_of_another_network_is_not_known_by_its_address() {
    let far = wire::Workload { network: "far".to_owned(), ..workload("web", "10.0.0.2") };
    let mesh = mesh([far.into(), workload("db", "10.0.0.1").into()]);
    assert_eq!(inbound(&mesh, &db(), at("10.0.0.1:5432"), &peer(Some("web"))).unwrap().source, None);
}

proptest! {
    #[test]
    fn what_is_admitted_is_the_pods_own(changes in changes(), pod in any_pod(), target in any_target()) {
        let mesh = applied(changes);
        if let Ok(plan) = inbound(&mesh, &pod, target, &peer(Some("web"))) {
            prop_assert!(pod.addresses.contains(&plan.dial.ip()));
            prop_assert!(!port::RESERVED.contains(&plan.dial.port()));
            prop_assert_eq!(plan.connection.destination, plan.dial);
            prop_assert!(plan.source.is_none_or(|source| Some(&source.identity) == plan.connection.identity.as_ref()));
        }
    }
}
