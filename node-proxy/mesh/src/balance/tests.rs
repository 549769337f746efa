use std::collections::BTreeMap;

use karez_api::workload as wire;
use karez_api::workload::load_balancing::{HealthPolicy as WireHealth, Mode as WireMode, Scope as WireScope};
use proptest::prelude::*;

use super::*;
use crate::fixture::arbitrary::{any_pod, changes};
use crate::fixture::{
    applied, at, bytes, hostname, ip, mesh, pod, service, serving, serving_on, uid, workload,
};
use crate::{Change, Mesh};

/// No attempts.
static NONE: Attempts = Attempts::NONE;

/// How often each endpoint of the service `front` is chosen over the whole range of `random`.
fn spread(mesh: &Mesh, wanted: &Wanted<'_>) -> BTreeMap<String, usize> {
    const STEPS: u64 = 600;
    let client = pod("client", "10.0.0.100");
    let view = Viewpoint::new(mesh, &client);
    let service = mesh.service("shop", &hostname("front")).unwrap();
    let mut counts = BTreeMap::new();
    for step in 0..STEPS {
        let random = (u64::MAX / STEPS) * step;
        if let Some(chosen) = choose(&view, service, &Wanted { random, ..*wanted }) {
            *counts.entry(chosen.workload.name.to_string()).or_default() += 1;
        }
    }
    counts
}

fn wanted() -> Wanted<'static> {
    Wanted { address: ip("10.9.0.1"), port: 80, attempts: &NONE, random: 0 }
}

fn chosen(mesh: &Mesh) -> Vec<String> {
    spread(mesh, &wanted()).into_keys().collect()
}

fn front(change: impl FnOnce(&mut wire::Service)) -> Change {
    let mut front = service("front", &["10.9.0.1"]);
    change(&mut front);
    front.into()
}

fn endpoint(name: &str, address: &str, change: impl FnOnce(&mut wire::Workload)) -> Change {
    let mut endpoint = serving("front", workload(name, address));
    change(&mut endpoint);
    endpoint.into()
}

fn client(change: impl FnOnce(&mut wire::Workload)) -> Change {
    let mut client = workload("client", "10.0.0.100");
    change(&mut client);
    client.into()
}

#[test]
fn in_proportion_to_capacity() {
    let weighing = |capacity| move |workload: &mut wire::Workload| workload.capacity = capacity;
    let mesh = mesh([
        front(|_| {}),
        endpoint("one", "10.0.0.1", weighing(None)),
        endpoint("three", "10.0.0.2", weighing(Some(3))),
        endpoint("two", "10.0.0.3", weighing(Some(2))),
        endpoint("none", "10.0.0.4", weighing(Some(0))),
    ]);
    let spread = spread(&mesh, &wanted());
    let expected = [("one", 100), ("three", 300), ("two", 200)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(spread.keys().collect::<Vec<_>>(), expected.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for (name, count) in expected {
        assert!(spread[&name].abs_diff(count) <= 1, "{name}: {}", spread[&name]);
    }
}

#[test]
fn the_extremes_of_random_choose_the_first_and_the_last() {
    assert_eq!(scale(0, 10), 0);
    assert_eq!(scale(u64::MAX, 10), 9);
    assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX - 1);
    assert_eq!(scale(u64::MAX, 0), 0);
}

#[test]
fn which_endpoints_are_candidates() {
    let unready = |workload: &mut wire::Workload| workload.status = wire::WorkloadStatus::Unhealthy.into();
    let rest = || endpoint("ready", "10.0.0.1", |_| {});
    type Edit = fn(&mut wire::Workload);
    let table: [(&str, Edit, bool); 6] = [
        ("as usual", |_| {}, true),
        ("not ready", unready, false),
        ("without an address", |workload| workload.addresses.clear(), false),
        ("in a network that is not reached", |workload| workload.network = "far".to_owned(), false),
        ("without capacity", |workload| workload.capacity = Some(0), false),
        ("of another protocol", |workload| workload.tunnel_protocol = 0, true),
    ];
    for (what, edit, candidate) in table {
        let mesh = mesh([front(|_| {}), client(|_| {}), rest(), endpoint("other", "10.0.0.2", edit)]);
        assert_eq!(chosen(&mesh).contains(&"other".to_owned()), candidate, "{what}");
    }
    let all = front(|front| {
        front.load_balancing =
            Some(wire::LoadBalancing { health_policy: WireHealth::AllowAll.into(), ..Default::default() });
    });
    assert_eq!(chosen(&mesh([all, rest(), endpoint("other", "10.0.0.2", unready)])), ["other", "ready"]);
}

/// KEP-1669: terminating endpoints get no new clients unless none is ready.
#[test]
fn terminating_endpoints_serve_where_nobody_is_ready() {
    let unready = |workload: &mut wire::Workload| workload.status = wire::WorkloadStatus::Unhealthy.into();
    let ending = |workload: &mut wire::Workload| {
        unready(workload);
        workload.terminating = true;
    };
    let endpoints = |ready: bool| {
        let ready = ready.then(|| endpoint("ready", "10.0.0.1", |workload| workload.node = "far".to_owned()));
        let others = [endpoint("ending", "10.0.0.2", ending), endpoint("unready", "10.0.0.3", unready)];
        ready.into_iter().chain(others)
    };
    let on_node = |mode: WireMode| {
        front(|front| {
            let routing_preference = vec![WireScope::Node.into()];
            front.load_balancing =
                Some(wire::LoadBalancing { routing_preference, mode: mode.into(), health_policy: 0 });
        })
    };
    let table: [(WireMode, bool, &[&str]); 6] = [
        (WireMode::UnspecifiedMode, true, &["ready"]),
        (WireMode::UnspecifiedMode, false, &["ending"]),
        (WireMode::Failover, true, &["ready"]),
        (WireMode::Failover, false, &["ending"]),
        // Each node by itself, as in kube-proxy's `internalTrafficPolicy: Local`.
        (WireMode::Strict, true, &["ending"]),
        (WireMode::Strict, false, &["ending"]),
    ];
    for (mode, ready, expected) in table {
        let mesh = mesh([on_node(mode)].into_iter().chain(endpoints(ready)));
        assert_eq!(chosen(&mesh), expected, "{mode:?}, ready: {ready}");
    }
}

/// The endpoint of each of many clients.
fn by_client(mesh: &Mesh) -> BTreeMap<String, String> {
    let service = mesh.service("shop", &hostname("front")).unwrap();
    let endpoint = |number: usize| {
        let client = pod(&format!("client-{number}"), "10.0.0.100");
        let view = Viewpoint::new(mesh, &client);
        let chosen =
            [0, u64::MAX].map(|random| choose(&view, service, &Wanted { random, ..wanted() }).unwrap());
        assert_eq!(chosen[0].workload.uid, chosen[1].workload.uid, "chance has no say");
        (client.uid.to_string(), chosen[0].workload.name.to_string())
    };
    (0..3000).map(endpoint).collect()
}

#[test]
fn a_client_keeps_its_endpoint() {
    let sticky = || front(|front| front.client_affinity = true);
    let weighing = |capacity| move |workload: &mut wire::Workload| workload.capacity = Some(capacity);
    let three = || {
        [
            sticky(),
            endpoint("a", "10.0.0.1", weighing(1)),
            endpoint("b", "10.0.0.2", weighing(1)),
            endpoint("c", "10.0.0.3", weighing(2)),
        ]
    };
    let of_three = by_client(&mesh(three()));
    let share = |name: &str| of_three.values().filter(|endpoint| *endpoint == name).count();
    for (name, fair) in [("a", 750), ("b", 750), ("c", 1500)] {
        assert!(share(name).abs_diff(fair) < 150, "{name} has {} of 3000 clients", share(name));
    }
    // Only the clients of a lost endpoint move, and only to a new one.
    let of_two = by_client(&mesh(three().into_iter().take(3)));
    for (client, endpoint) in &of_three {
        assert!(endpoint == "c" || of_two[client] == *endpoint, "{client} was moved");
    }
    // They move back when it returns.
    assert_eq!(by_client(&mesh(three())), of_three);
}

#[test]
fn a_client_keeps_its_endpoint_among_the_ready_and_near_ones() {
    let sticky = || {
        front(|front| {
            front.client_affinity = true;
            front.load_balancing = Some(wire::LoadBalancing {
                routing_preference: vec![WireScope::Node.into()],
                mode: WireMode::Failover.into(),
                health_policy: 0,
            });
        })
    };
    let far = |workload: &mut wire::Workload| workload.node = "far".to_owned();
    let unready = |workload: &mut wire::Workload| workload.status = wire::WorkloadStatus::Unhealthy.into();
    let mesh = mesh([
        sticky(),
        endpoint("near", "10.0.0.1", |_| {}),
        endpoint("far", "10.0.0.2", far),
        endpoint("unready", "10.0.0.3", unready),
    ]);
    assert!(by_client(&mesh).values().all(|endpoint| endpoint == "near"));
    // The connection skips an unreachable endpoint, and its next one is fixed.
    let mut attempts = Attempts::NONE;
    attempts.failed(&uid("near").into());
    assert_eq!(
        spread(&mesh, &Wanted { attempts: &attempts, ..wanted() }).into_keys().collect::<Vec<_>>(),
        ["far"]
    );
}

#[test]
fn which_port() {
    let to = |pairs: &[(u32, u32)], service_ports: &[(u32, u32)], port| {
        let mesh = mesh([
            front(|front| front.ports = crate::fixture::ports(service_ports)),
            serving_on("front", pairs, workload("web", "10.0.0.1")).into(),
        ]);
        let client = pod("client", "10.0.0.100");
        let service = mesh.service("shop", &hostname("front")).unwrap();
        let wanted = Wanted { port, ..wanted() };
        choose(&Viewpoint::new(&mesh, &client), service, &wanted).map(|chosen| chosen.address)
    };
    assert_eq!(to(&[], &[(80, 8080)], 80), Some(at("10.0.0.1:8080")), "the service's");
    assert_eq!(to(&[(80, 9090)], &[(80, 8080)], 80), Some(at("10.0.0.1:9090")), "the endpoint's own");
    assert_eq!(to(&[(80, 9090)], &[(80, 0)], 80), Some(at("10.0.0.1:9090")), "a named one");
    assert_eq!(to(&[(80, 0)], &[(80, 8080)], 80), Some(at("10.0.0.1:8080")));
    assert_eq!(to(&[], &[(80, 0)], 80), None, "a named one that the endpoint does not have");
    assert_eq!(to(&[], &[(80, 8080)], 81), None, "not a port of the service");
}

#[test]
fn the_dialled_family_if_possible() {
    let dual = |workload: &mut wire::Workload| workload.addresses.push(bytes("fd00::2"));
    let mesh = mesh([front(|_| {}), endpoint("v4", "10.0.0.1", |_| {}), endpoint("dual", "10.0.0.2", dual)]);
    let for_family = |address| spread(&mesh, &Wanted { address: ip(address), ..wanted() });
    assert_eq!(for_family("10.9.0.1").into_keys().collect::<Vec<_>>(), ["dual", "v4"]);
    assert_eq!(for_family("fd00:9::1").into_keys().collect::<Vec<_>>(), ["dual"]);
    let mesh = crate::fixture::mesh([front(|_| {}), endpoint("v4", "10.0.0.1", |_| {})]);
    let found = spread(&mesh, &Wanted { address: ip("fd00:9::1"), ..wanted() });
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["v4"], "better another family than none");
}

#[test]
fn what_was_tried_is_not_tried_again() {
    let mesh = mesh([front(|_| {}), endpoint("a", "10.0.0.1", |_| {}), endpoint("b", "10.0.0.2", |_| {})]);
    let without = |tried: &[&str]| {
        let mut attempts = Attempts::NONE;
        tried.iter().for_each(|name| attempts.failed(&uid(name).into()));
        spread(&mesh, &Wanted { attempts: &attempts, ..wanted() }).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(without(&[]), ["a", "b"]);
    assert_eq!(without(&["a"]), ["b"]);
    assert!(without(&["a", "b"]).is_empty());
}

/// Endpoints that share more and more scopes with the client: the choice as the better ones go.
#[test]
fn nearness() {
    let balanced = |mode: WireMode, scopes: &[WireScope]| {
        let routing_preference = scopes.iter().map(|scope| (*scope).into()).collect();
        front(|front| {
            front.load_balancing =
                Some(wire::LoadBalancing { routing_preference, mode: mode.into(), health_policy: 0 });
        })
    };
    let located = |node: &'static str, zone: &str| {
        let zone = zone.to_owned();
        move |workload: &mut wire::Workload| {
            workload.node = node.to_owned();
            workload.locality = Some(wire::Locality { region: "r".to_owned(), zone, subzone: String::new() });
        }
    };
    let all = || {
        [
            endpoint("near", "10.0.0.1", located("node-1", "a")),
            endpoint("zone", "10.0.0.2", located("node-2", "a")),
            endpoint("far", "10.0.0.3", located("node-3", "b")),
        ]
    };
    use WireMode::{Failover, Strict, UnspecifiedMode};
    use WireScope::{Cluster, Network, Node, Region, Subzone, Zone};
    let table: [(WireMode, &[WireScope], usize, &[&str]); 10] = [
        (UnspecifiedMode, &[Region, Zone], 0, &["far", "near", "zone"]),
        (Failover, &[], 0, &["far", "near", "zone"]),
        (Failover, &[Region, Zone], 0, &["near", "zone"]),
        (Failover, &[Network, Region, Zone, Subzone, Node, Cluster], 0, &["near"]),
        (Failover, &[Region, Zone, Node], 1, &["zone"]),
        (Failover, &[Region, Zone, Node], 2, &["far"]),
        // Scopes after the first difference do not count.
        (Failover, &[Zone, Region], 2, &["far"]),
        (Strict, &[Node], 0, &["near"]),
        (Strict, &[Node], 1, &[]),
        (Strict, &[Zone], 1, &["zone"]),
    ];
    for (mode, scopes, gone, expected) in table {
        let client = client(located("node-1", "a"));
        let changes = [balanced(mode, scopes), client].into_iter().chain(all().into_iter().skip(gone));
        assert_eq!(chosen(&mesh(changes)), expected, "{mode:?} {scopes:?} without {gone}");
    }
    // An endpoint without capacity does not precede the others.
    let idle = |workload: &mut wire::Workload| {
        located("node-1", "a")(workload);
        workload.capacity = Some(0);
    };
    let client = client(located("node-1", "a"));
    let changes = [balanced(Failover, &[Node]), client, endpoint("idle", "10.0.0.4", idle)];
    assert_eq!(chosen(&mesh(changes.into_iter().chain(all().into_iter().skip(1)))), ["far", "zone"]);
    // The agent gives the node before the controller knows the client.
    let changes = [balanced(Strict, &[Node])].into_iter().chain(all());
    assert_eq!(chosen(&mesh(changes)), ["near"]);
}

proptest! {
    #[test]
    fn a_choice_is_always_usable(changes in changes(), client in any_pod(), random in any::<u64>(), port in 79..82_u16) {
        let mesh = applied(changes);
        let view = Viewpoint::new(&mesh, &client);
        for service in mesh.services() {
            let wanted = Wanted { random, port, ..wanted() };
            let first = choose(&view, service, &wanted);
            let again = choose(&view, service, &wanted);
            prop_assert_eq!(first.map(|chosen| &chosen.workload.uid), again.map(|chosen| &chosen.workload.uid));
            let Some(chosen) = first else { continue };
            prop_assert!(mesh.is_endpoint(&service.name, &chosen.workload.uid));
            prop_assert!(chosen.workload.addresses.contains(&chosen.address.ip()));
            prop_assert!(chosen.address.port() != 0 && chosen.workload.capacity > 0);
            let mut attempts = Attempts::NONE;
            attempts.failed(&chosen.workload.uid);
            let next = choose(&view, service, &Wanted { attempts: &attempts, ..wanted });
            prop_assert!(next.is_none_or(|next| next.workload.uid != chosen.workload.uid));
        }
    }

    #[test]
    fn scaled_stays_below_the_total(random in any::<u64>(), total in 1..u64::MAX) {
        prop_assert!(scale(random, total) < total);
    }
}
