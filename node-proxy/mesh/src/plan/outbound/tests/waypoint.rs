//! Destinations behind a waypoint.

use super::*;

/// The service `way`, with a workload of that name, at 10.9.0.9.
fn way() -> [Change; 2] {
    [service("way", &["10.9.0.9"]).into(), serving("way", workload("way", "10.0.0.9")).into()]
}

fn behind(gateway: wire::GatewayAddress) -> impl FnOnce(&mut wire::Service) {
    move |front| front.waypoint = Some(gateway)
}

fn unavailable(destination: String) -> Outbound {
    Outbound::Refuse(Refusal::WaypointUnavailable { destination })
}

#[test]
fn of_a_service() {
    // By its name, by its service's address, by its own address.
    for gateway in [waypoint_service("way"), waypoint_address("10.9.0.9"), waypoint_address("10.0.0.9")] {
        let mesh = mesh(front(behind(gateway)).into_iter().chain(way()));
        let tunnel = tunnel(plan(&mesh, "10.9.0.1:80"));
        assert_eq!(&*tunnel.workload.name, "way");
        assert_eq!(tunnel.service.unwrap().name.to_string(), key("front"), "what was dialled");
        assert_eq!(tunnel.next_hop, at("10.0.0.9:15008"));
        assert_eq!(tunnel.authority, at("10.9.0.1:80"), "what was dialled: the waypoint chooses");
        assert_eq!(tunnel.accepted, [identity("way")]);
        assert!(tunnel.waypoint);
    }
}

#[test]
fn with_a_port_of_its_own() {
    let gateway = |gateway: wire::GatewayAddress| wire::GatewayAddress { hbone_mtls_port: 9008, ..gateway };
    let mut way_9008 = service("way", &["10.9.0.9"]);
    way_9008.ports = ports(&[(9008, 9009)]);
    let by_service = mesh(
        front(behind(gateway(waypoint_service("way")))).into_iter().chain(way()).chain([way_9008.into()]),
    );
    assert_eq!(tunnel(plan(&by_service, "10.9.0.1:80")).next_hop, at("10.0.0.9:9009"));
    let by_address = mesh(front(behind(gateway(waypoint_address("10.0.0.9")))).into_iter().chain(way()));
    assert_eq!(tunnel(plan(&by_address, "10.9.0.1:80")).next_hop, at("10.0.0.9:9008"));
}

#[test]
fn its_service_may_name_its_identities() {
    let other = identity("other");
    let way = wire::Service { subject_alt_names: vec![other.to_string()], ..service("way", &["10.9.0.9"]) };
    let changes = [way.into(), serving("way", workload("way", "10.0.0.9")).into()];
    let mesh = mesh(front(behind(waypoint_service("way"))).into_iter().chain(changes));
    assert_eq!(tunnel(plan(&mesh, "10.9.0.1:80")).accepted, [other]);
}

#[test]
fn there_is_no_way_around_it() {
    let elsewhere = wire::GatewayAddress {
        destination: Some(wire::gateway_address::Destination::Address(wire::NetworkAddress {
            network: "far".to_owned(),
            ..place("10.0.0.9")
        })),
        ..Default::default()
    };
    let gone = [waypoint_service("gone"), waypoint_address("10.0.0.77"), elsewhere];
    for gateway in gone {
        let mesh = mesh(front(behind(gateway.clone())).into_iter().chain(way()));
        assert_eq!(plan(&mesh, "10.9.0.1:80"), unavailable(key("front")), "{gateway:?}");
    }
    let no_endpoint =
        mesh(front(behind(waypoint_service("way"))).into_iter().chain([service("way", &[]).into()]));
    assert_eq!(plan(&no_endpoint, "10.9.0.1:80"), unavailable(key("front")));
    let passing = |front: &mut wire::Service| {
        let mode = wire::load_balancing::Mode::Passthrough.into();
        front.load_balancing = Some(wire::LoadBalancing { mode, ..Default::default() });
        front.waypoint = Some(waypoint_service("gone"));
    };
    assert_eq!(plan(&mesh(front(passing)), "10.9.0.1:80"), unavailable(key("front")));
}

#[test]
fn of_a_workload() {
    let db = wire::Workload { waypoint: Some(waypoint_service("way")), ..workload("db", "10.0.0.1") };
    let with_way = mesh([db.clone().into(), client()].into_iter().chain(way()));
    let tunnel = tunnel(plan(&with_way, DB));
    assert_eq!((&*tunnel.workload.name, tunnel.service, tunnel.waypoint), ("way", None, true));
    assert_eq!((tunnel.next_hop, tunnel.authority), (at("10.0.0.9:15008"), at(DB)));
    assert_eq!(plan(&mesh([db.into(), client()]), DB), unavailable(uid("db")));
}

/// A workload's waypoint only serves clients that dial the workload's own address.
#[test]
fn of_a_workload_that_is_reached_as_an_endpoint() {
    let web = serving("front", workload("web", "10.0.0.2"));
    let web = wire::Workload { waypoint: Some(waypoint_service("way")), ..web };
    let mesh = mesh(front(|_| {}).into_iter().chain(way()).chain([web.into()]));
    assert_eq!(&*tunnel(plan(&mesh, "10.9.0.1:80")).workload.name, "web");
}

#[test]
fn its_own_connections_go_on_from_it() {
    let waypoint = pod("way", "10.0.0.9");
    for gateway in [waypoint_service("way"), waypoint_address("10.9.0.9"), waypoint_address("10.0.0.9")] {
        let db = wire::Workload { waypoint: Some(gateway.clone()), ..workload("db", "10.0.0.1") };
        let mesh = mesh(front(behind(gateway)).into_iter().chain(way()).chain([db.into()]));
        let from_it = |destination| tunnel(outbound(&mesh, &waypoint, at(destination), &Attempts::NONE, 0));
        assert_eq!(&*from_it("10.9.0.1:80").workload.name, "web");
        assert_eq!(&*from_it(DB).workload.name, "db");
    }
}

#[test]
fn attempts_end() {
    for gateway in [waypoint_service("way"), waypoint_address("10.0.0.9")] {
        let mesh = mesh(front(behind(gateway)).into_iter().chain(way()));
        assert_eq!(plan_without(&mesh, "10.9.0.1:80", &["way"]), unavailable(key("front")));
    }
}

#[test]
fn of_the_dialled_family_if_it_has_it() {
    let dual = wire::Workload {
        addresses: vec![bytes("10.0.0.9"), bytes("fd00::9")],
        ..workload("way", "10.0.0.9")
    };
    let six =
        wire::Service { waypoint: Some(waypoint_address("10.0.0.9")), ..service("six", &["fd00:9::1"]) };
    let mesh = mesh([dual.into(), six.into()]);
    assert_eq!(tunnel(plan(&mesh, "[fd00:9::1]:80")).next_hop, at("[fd00::9]:15008"));
}
