use karez_api::settings::{MeshSettings, NamespaceSettings, SameNode as WireSameNode};
use karez_api::workload as wire;

use super::*;
use crate::Change;
use crate::fixture::{
    at, bytes, key, mesh, place, pod, ports, service, serving, uid, waypoint_address, waypoint_service,
    workload,
};

mod promises;
mod same_node;
mod waypoint;

const DB: &str = "10.0.0.1:5432";

fn source() -> LocalPod {
    pod("client", "10.0.0.100")
}

fn plan(mesh: &Mesh, destination: &str) -> Outbound {
    outbound(mesh, &source(), at(destination), &Attempts::NONE, 0)
}

/// The plan after the named workloads have failed.
fn plan_without(mesh: &Mesh, destination: &str, tried: &[&str]) -> Outbound {
    outbound(mesh, &source(), at(destination), &attempts(tried), 0)
}

fn attempts(failed: &[&str]) -> Attempts {
    let mut attempts = Attempts::NONE;
    failed.iter().for_each(|name| attempts.failed(&uid(name).into()));
    attempts
}

fn identity(account: &str) -> Identity {
    Identity::new("cluster.local", "shop", account).unwrap()
}

fn tunnel(outbound: Outbound) -> Tunnel {
    match outbound {
        Outbound::Tunnel(tunnel) => tunnel,
        other => panic!("not a tunnel: {other:?}"),
    }
}

fn client() -> Change {
    workload("client", "10.0.0.100").into()
}

/// The service `front` with the endpoint `web`.
fn front(change: impl FnOnce(&mut wire::Service)) -> [Change; 3] {
    let mut front = service("front", &["10.9.0.1"]);
    change(&mut front);
    [front.into(), serving("front", workload("web", "10.0.0.2")).into(), client()]
}

fn plaintext(mut workload: wire::Workload) -> wire::Workload {
    workload.tunnel_protocol = wire::TunnelProtocol::None.into();
    workload
}

fn ranges(ranges: &[&str]) -> Change {
    let address_ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    MeshSettings { address_ranges, ..Default::default() }.into()
}

#[test]
fn to_a_workloads_own_address() {
    let mesh = mesh([workload("db", "10.0.0.1").into(), client()]);
    let tunnel = tunnel(plan(&mesh, DB));
    assert_eq!(&*tunnel.workload.name, "db");
    assert_eq!(tunnel.service, None);
    assert_eq!(tunnel.next_hop, at("10.0.0.1:15008"));
    assert_eq!(tunnel.authority, at(DB));
    assert_eq!(tunnel.accepted, [identity("db")]);
    assert!(!tunnel.waypoint);
}

#[test]
fn to_an_address_that_two_objects_claim() {
    let contested = wire::Service { contested: true, ..service("10.0.0.1", &["10.0.0.1"]) };
    let mesh = mesh([workload("db", "10.0.0.1").into(), contested.into(), client()]);
    let refusal = Refusal::ContestedAddress { address: at(DB).ip() };
    assert_eq!(plan(&mesh, DB), Outbound::Refuse(refusal));
}

#[test]
fn to_an_ipv6_address() {
    let mesh = mesh([workload("db", "fd00::1").into()]);
    let tunnel = tunnel(plan(&mesh, "[fd00::1]:5432"));
    assert_eq!((tunnel.next_hop, tunnel.authority), (at("[fd00::1]:15008"), at("[fd00::1]:5432")));
}

#[test]
fn an_ipv4_mapped_address_is_the_ipv4_address() {
    let mesh = mesh([workload("db", "10.0.0.1").into()]);
    assert_eq!(tunnel(plan(&mesh, "[::ffff:10.0.0.1]:5432")).authority, at(DB));
}

#[test]
fn before_the_mesh_knows_the_source() {
    let mesh = mesh([workload("db", "10.0.0.1").into()]);
    assert_eq!(&*tunnel(plan(&mesh, DB)).workload.name, "db");
}

#[test]
fn to_a_workload_outside_the_mesh() {
    let mesh = mesh([plaintext(workload("db", "10.0.0.1")).into()]);
    let Outbound::Plaintext(plan) = plan(&mesh, DB) else { panic!("not plaintext") };
    assert_eq!((plan.to, &*plan.workload.name, plan.service), (at(DB), "db", None));
}

#[test]
fn to_a_service() {
    let mesh = mesh(front(|_| {}));
    let tunnel = tunnel(plan(&mesh, "10.9.0.1:80"));
    assert_eq!(&*tunnel.workload.name, "web");
    assert_eq!(tunnel.service.unwrap().name.to_string(), key("front"));
    assert_eq!(tunnel.next_hop, at("10.0.0.2:15008"));
    assert_eq!(tunnel.authority, at("10.0.0.2:8080"), "the endpoint's port, not the service's");
    assert_eq!(tunnel.accepted, [identity("web")]);
}

#[test]
fn to_a_service_whose_endpoint_is_outside_the_mesh() {
    let endpoint = plaintext(serving("front", workload("web", "10.0.0.2")));
    let mesh = mesh(front(|_| {}).into_iter().chain([endpoint.into()]));
    let Outbound::Plaintext(plan) = plan(&mesh, "10.9.0.1:80") else { panic!("not plaintext") };
    assert_eq!((plan.to, plan.service.is_some()), (at("10.0.0.2:8080"), true));
}

#[test]
fn a_service_may_name_the_identities_of_its_endpoints() {
    let other = identity("other");
    let mesh = mesh(front(|front| front.subject_alt_names.push(other.to_string())));
    assert_eq!(tunnel(plan(&mesh, "10.9.0.1:80")).accepted, [other]);
}

#[test]
fn a_known_service_without_a_usable_endpoint_is_refused() {
    let no_endpoint = |port| Outbound::Refuse(Refusal::NoEndpoint { service: key("front"), port });
    let bare = mesh([service("front", &["10.9.0.1"]).into()]);
    assert_eq!(plan(&bare, "10.9.0.1:80"), no_endpoint(80));
    assert_eq!(plan(&mesh(front(|_| {})), "10.9.0.1:81"), no_endpoint(81), "not a port of the service");
}

#[test]
fn attempts_end() {
    let other = serving("front", workload("other", "10.0.0.3"));
    let mesh = mesh(front(|_| {}).into_iter().chain([other.into(), workload("db", "10.0.0.1").into()]));
    let to_service = |tried: &[&str]| plan_without(&mesh, "10.9.0.1:80", tried);
    assert_eq!(&*tunnel(to_service(&[])).workload.name, "other");
    assert_eq!(&*tunnel(to_service(&["other"])).workload.name, "web");
    let no_endpoint = Refusal::NoEndpoint { service: key("front"), port: 80 };
    assert_eq!(to_service(&["other", "web"]), Outbound::Refuse(no_endpoint));
    let no_other = Refusal::NoEndpoint { service: uid("db"), port: 5432 };
    assert_eq!(plan_without(&mesh, DB, &["db"]), Outbound::Refuse(no_other));
}

/// A reachable Pod may listen only at its other address.
#[test]
fn where_an_address_is_refused_the_other_family_comes_next() {
    let dual = |name, v4: &str, v6: &str| {
        let mut endpoint = serving("front", workload(name, v4));
        endpoint.addresses.push(bytes(v6));
        Change::from(endpoint)
    };
    let [front, _, client] = front(|front| front.addresses.push(place("fd00:9::1")));
    let mesh = mesh([front, client, dual("a", "10.0.0.1", "fd00::1"), dual("b", "10.0.0.2", "fd00::2")]);
    let table: [(&str, &[&str]); 4] = [
        ("[fd00:9::1]:80", &["[fd00::1]:8080", "10.0.0.1:8080", "[fd00::2]:8080", "10.0.0.2:8080"]),
        ("10.9.0.1:80", &["10.0.0.1:8080", "[fd00::1]:8080", "10.0.0.2:8080", "[fd00::2]:8080"]),
        ("[fd00::2]:5432", &["[fd00::2]:5432", "10.0.0.2:5432"]),
        ("10.0.0.2:5432", &["10.0.0.2:5432", "[fd00::2]:5432"]),
    ];
    for (destination, expected) in table {
        let mut attempts = Attempts::NONE;
        let mut order = Vec::new();
        while let Outbound::Tunnel(tunnel) = outbound(&mesh, &source(), at(destination), &attempts, 0) {
            assert_eq!(tunnel.next_hop, SocketAddr::new(tunnel.authority.ip(), port::HBONE));
            order.push(tunnel.authority.to_string());
            attempts.refused_at(&tunnel.workload.uid, tunnel.next_hop.ip());
        }
        assert_eq!(order, expected, "dialled {destination}");
    }
}

/// `front`, reachable from outside at 203.0.113.10, and other owners of that address.
#[test]
fn an_address_from_outside_is_the_services_for_its_ports_where_nobody_else_has_it() {
    let outside = || wire::NetworkAddress { external: true, ..place("203.0.113.10") };
    let with_address = |service: wire::Service| {
        let addresses = vec![service.addresses[0].clone(), outside()];
        Change::from(wire::Service { addresses, ..service })
    };
    let beside = |port: u32| {
        let other = wire::Service { ports: ports(&[(port, 8080)]), ..service("other", &["10.9.0.2"]) };
        [with_address(other), serving("other", workload("cart", "10.0.0.3")).into()].to_vec()
    };
    let elsewhere = |port: u32| {
        let other = wire::Service { namespace: "atm".to_owned(), ..service("other", &["10.9.0.2"]) };
        vec![with_address(wire::Service { ports: ports(&[(port, 8080)]), ..other })]
    };
    let node = wire::Workload {
        network_mode: wire::NetworkMode::HostNetwork.into(),
        ..workload("kube-proxy", "203.0.113.10")
    };
    let table: [(&str, Vec<Change>, u16, &str); 9] = [
        ("alone", vec![], 80, "web"),
        ("another port", vec![], 22, "passed through"),
        ("a Service with another port beside it", beside(443), 80, "web"),
        ("that port", beside(443), 443, "cart"),
        ("another namespace's port", elsewhere(443), 80, "web"),
        ("another namespace's claim", elsewhere(80), 80, "refused"),
        ("a node's address", vec![node.clone().into()], 80, "web"),
        ("another port of the node", vec![node.into()], 22, "passed through"),
        ("a Pod's own address", vec![workload("db", "203.0.113.10").into()], 80, "db"),
    ];
    for (what, others, port, expected) in table {
        let [_, endpoint, client] = front(|_| {});
        let front = with_address(service("front", &["10.9.0.1"]));
        let mesh = mesh([front, endpoint, client].into_iter().chain(others));
        let found = match plan(&mesh, &format!("203.0.113.10:{port}")) {
            Outbound::Tunnel(tunnel) => tunnel.workload.name.to_string(),
            Outbound::Passthrough { .. } => "passed through".to_owned(),
            Outbound::Refuse(Refusal::ContestedAddress { .. }) => "refused".to_owned(),
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(found, expected, "{what}");
    }
    // In the mesh's ranges it may belong to an unknown Pod.
    let ranges = vec!["203.0.113.0/24".to_owned()];
    let ranges = Change::from(MeshSettings { address_ranges: ranges, ..MeshSettings::default() });
    let [_, endpoint, client] = front(|_| {});
    let claim = with_address(service("front", &["10.9.0.1"]));
    let waiting = mesh([claim, endpoint, client, ranges]);
    assert!(matches!(plan(&waiting, "203.0.113.10:80"), Outbound::Unknown));
    // A cluster address precedes another service's external claim.
    let owner = service("owner", &["203.0.113.10"]);
    let [_, endpoint, client] = front(|_| {});
    let claim = with_address(service("front", &["10.9.0.1"]));
    let mesh =
        mesh([claim, endpoint, client, owner.into(), serving("owner", workload("db", "10.0.0.1")).into()]);
    assert_eq!(&*tunnel(plan(&mesh, "203.0.113.10:80")).workload.name, "db");
}

#[test]
fn a_service_comes_before_a_workload_of_that_address() {
    let mesh = mesh(front(|_| {}).into_iter().chain([workload("squatter", "10.9.0.1").into()]));
    assert_eq!(&*tunnel(plan(&mesh, "10.9.0.1:80")).workload.name, "web");
}

#[test]
fn a_service_that_asks_for_passthrough() {
    let passing = |front: &mut wire::Service| {
        let mode = wire::load_balancing::Mode::Passthrough.into();
        front.load_balancing = Some(wire::LoadBalancing { mode, ..Default::default() });
    };
    let reason = PassthroughReason::Service;
    let in_ranges = mesh(front(passing).into_iter().chain([ranges(&["10.0.0.0/8"])]));
    assert_eq!(plan(&in_ranges, "10.9.0.1:80"), Outbound::Passthrough { reason });
    // A workload's address stays the workload's.
    let same = mesh(front(passing).into_iter().chain([workload("db", "10.9.0.1").into()]));
    assert_eq!(&*tunnel(plan(&same, "10.9.0.1:80")).workload.name, "db");
}

#[test]
fn to_an_address_that_nobody_has() {
    let passthrough = Outbound::Passthrough { reason: PassthroughReason::NotInMesh };
    let table = [
        (&[][..], "10.0.0.9:80", &passthrough),
        (&["10.0.0.0/8"], "10.0.0.9:80", &Outbound::Unknown),
        (&["10.0.0.0/8"], "[::ffff:10.0.0.9]:80", &Outbound::Unknown),
        (&["10.0.0.0/8"], "192.0.2.1:80", &passthrough),
        (&["10.0.0.0/8", "fd00::/8"], "[fd00::9]:80", &Outbound::Unknown),
    ];
    for (prefixes, destination, expected) in table {
        assert_eq!(
            &plan(&mesh([ranges(prefixes)]), destination),
            expected,
            "{destination} with {prefixes:?}"
        );
    }
}

#[test]
fn to_a_nodes_address() {
    let mut on_node = workload("kube-proxy", "10.0.0.1");
    on_node.network_mode = wire::NetworkMode::HostNetwork.into();
    let mesh = mesh([on_node.into(), ranges(&["10.0.0.0/8"])]);
    let reason = PassthroughReason::NodeAddress;
    assert_eq!(plan(&mesh, DB), Outbound::Passthrough { reason }, "known, though not as one workload's");
}

#[test]
fn to_another_networks_address() {
    let far = wire::Workload { network: "far".to_owned(), ..workload("db", "10.0.0.1") };
    let mesh = mesh([far.into(), client(), ranges(&["10.0.0.0/8"])]);
    assert_eq!(plan(&mesh, DB), Outbound::Unknown);
}

#[test]
fn the_proxys_own_ports_are_not_dialled_through_it() {
    let mesh = mesh([client(), workload("db", "10.0.0.1").into()]);
    let refused = |port| Outbound::Refuse(Refusal::ReservedPort { port });
    for port in port::RESERVED {
        for own in ["10.0.0.100", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.100]"] {
            assert_eq!(plan(&mesh, &format!("{own}:{port}")), refused(port), "{own}");
        }
    }
    assert!(matches!(plan(&mesh, "10.0.0.100:8080"), Outbound::Tunnel(_)), "a port of its own application");
    assert!(matches!(plan(&mesh, "10.0.0.1:15008"), Outbound::Tunnel(_)), "another Pod: that one refuses");
}
