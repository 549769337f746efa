use karez_api::settings::MeshSettings;
use karez_api::workload as wire;
use proptest::prelude::*;

use super::*;
use crate::Change;
use crate::fixture::arbitrary::{any_name, any_pod, changes};
use crate::fixture::{applied, hostname, mesh, place, pod, service, serving, workload};

fn ask(mesh: &Mesh, host: &str) -> Option<Resolution> {
    resolve(mesh, &pod("client", "10.0.0.100"), host)
}

/// The addresses, and the canonical name if it differs.
fn answer(mesh: &Mesh, host: &str) -> Option<(Vec<String>, Option<String>)> {
    let found = ask(mesh, host)?;
    let v4 = found.v4.iter().map(ToString::to_string);
    let v6 = found.v6.iter().map(ToString::to_string);
    Some((v4.chain(v6).collect(), found.canonical))
}

fn external(host: &str, addresses: &[&str]) -> wire::Service {
    wire::Service { hostname: host.to_owned(), ..service("external", addresses) }
}

fn bank(name: &str, address: &str) -> wire::Service {
    wire::Service {
        namespace: "bank".to_owned(),
        hostname: format!("{name}.bank.svc.cluster.local"),
        ..service(name, &[address])
    }
}

#[test]
fn ways_to_write_a_name() {
    let mesh = mesh([
        service("front", &["10.9.0.1"]).into(),
        bank("vault", "10.9.0.2").into(),
        external("example.com", &["10.9.0.3"]).into(),
        wire::Workload {
            hostname: "db-0.db.shop.svc.cluster.local".to_owned(),
            ..workload("db-0", "10.0.0.7")
        }
        .into(),
    ]);
    let plain = |address: &str| Some((vec![address.to_owned()], None));
    let alias = |address: &str, name: &str| Some((vec![address.to_owned()], Some(name.to_owned())));
    let front = "front.shop.svc.cluster.local";
    let vault = "vault.bank.svc.cluster.local";
    let table = [
        // Expanded by number of labels, like Kubernetes' search domains for a Pod of `shop`.
        ("front", plain("10.9.0.1")),
        ("front.shop", plain("10.9.0.1")),
        ("front.shop.svc", plain("10.9.0.1")),
        (front, plain("10.9.0.1")),
        ("vault", None),
        ("vault.bank", plain("10.9.0.2")),
        ("vault.bank.svc", plain("10.9.0.2")),
        (vault, plain("10.9.0.2")),
        ("db-0.db", plain("10.0.0.7")),
        ("db-0.db.shop", plain("10.0.0.7")),
        ("db-0.db.shop.svc", plain("10.0.0.7")),
        ("db-0.db.shop.svc.cluster.local", plain("10.0.0.7")),
        ("example.com", plain("10.9.0.3")),
        // DNS ignores case, and a full name ends in a dot.
        ("Front.SHOP.svc.cluster.local.", plain("10.9.0.1")),
        // A resolver tries the search domains first, although a full name needs none.
        ("example.com.shop.svc.cluster.local", alias("10.9.0.3", "example.com")),
        ("example.com.svc.cluster.local", alias("10.9.0.3", "example.com")),
        ("example.com.cluster.local", alias("10.9.0.3", "example.com")),
        ("front.shop.svc.cluster.local.shop.svc.cluster.local", alias("10.9.0.1", front)),
        ("vault.bank.shop.svc.cluster.local", alias("10.9.0.2", vault)),
        ("vault.bank.svc.svc.cluster.local", alias("10.9.0.2", vault)),
        // Not a search domain of this Pod.
        ("example.com.bank.svc.cluster.local", None),
        ("other.example.com", None),
        ("com", None),
        ("nothing", None),
        ("", None),
        (".", None),
        ("..", None),
        (".shop.svc.cluster.local", None),
    ];
    for (host, expected) in table {
        assert_eq!(answer(&mesh, host), expected, "{host:?}");
    }
}

#[test]
fn a_cluster_domain_of_its_own() {
    let settings = MeshSettings { cluster_domain: "example.".to_owned(), ..Default::default() };
    let front =
        wire::Service { hostname: "front.shop.svc.example".to_owned(), ..service("front", &["10.9.0.1"]) };
    let mesh = mesh([settings.into(), front.into()]);
    for host in ["front", "front.shop", "front.shop.svc", "front.shop.svc.example"] {
        assert!(ask(&mesh, host).is_some(), "{host}");
    }
    assert_eq!(ask(&mesh, "front.shop.svc.cluster.local"), None);
}

#[test]
fn wildcards() {
    let mesh = mesh([
        external("*.example.com", &["10.9.0.1"]).into(),
        external("*.deep.example.com", &["10.9.0.2"]).into(),
        external("exact.deep.example.com", &["10.9.0.3"]).into(),
    ]);
    let plain = |address: &str| Some((vec![address.to_owned()], None));
    let table = [
        ("www.example.com", plain("10.9.0.1")),
        ("a.b.example.com", plain("10.9.0.1")),
        ("www.deep.example.com", plain("10.9.0.2")),
        ("exact.deep.example.com", plain("10.9.0.3")),
        ("example.com", None),
        ("myexample.com", None),
        // The answer has only the name of the query.
        ("www.example.com.shop.svc.cluster.local", plain("10.9.0.1")),
    ];
    for (host, expected) in table {
        assert_eq!(answer(&mesh, host), expected, "{host:?}");
    }
}

#[test]
fn of_several_services_that_of_the_clients_namespace() {
    let here = external("example.com", &["10.9.0.1"]);
    let canonical = wire::Service {
        namespace: "bank".to_owned(),
        canonical: true,
        ..external("example.com", &["10.9.0.2"])
    };
    let ordinary = wire::Service { namespace: "atm".to_owned(), ..external("example.com", &["10.9.0.3"]) };
    let address = |services: Vec<wire::Service>| {
        let mesh = mesh(services.into_iter().map(Change::from));
        answer(&mesh, "example.com").unwrap().0
    };
    assert_eq!(address(vec![canonical.clone(), here, ordinary.clone()]), ["10.9.0.1"]);
    assert_eq!(address(vec![ordinary.clone(), canonical]), ["10.9.0.2"]);
    assert_eq!(address(vec![ordinary]), ["10.9.0.3"]);
}

#[test]
fn a_virtual_address_of_each_family() {
    let mesh = mesh([service("front", &["10.9.0.1", "fd00:9::1"]).into()]);
    let found = ask(&mesh, "front").unwrap();
    assert_eq!(found.addressing, Addressing::Virtual);
    assert_eq!((found.v4.len(), found.v6.len()), (1, 1));
}

/// A client inside the mesh needs no load balancer.
#[test]
fn an_address_from_outside_is_not_what_the_name_means() {
    let outside = || wire::NetworkAddress { external: true, ..place("203.0.113.10") };
    let mut front = service("front", &["10.9.0.1"]);
    front.addresses.push(outside());
    let mut headless = service("headless", &[]);
    headless.addresses.push(outside());
    let endpoint = serving("headless", workload("db", "10.0.0.1"));
    let mesh = mesh([front.into(), headless.into(), endpoint.into()]);
    assert_eq!(answer(&mesh, "front"), Some((vec!["10.9.0.1".to_owned()], None)));
    assert_eq!(answer(&mesh, "headless"), Some((vec!["10.0.0.1".to_owned()], None)));
    assert!(mesh.service_at(crate::fixture::ip("203.0.113.10")).is_some(), "it leads there all the same");
}

/// A name without an address of the family still exists.
#[test]
fn a_name_without_an_address_here_is_still_a_name() {
    let mut far = service("front", &[]);
    far.addresses = vec![wire::NetworkAddress { network: "far".to_owned(), ..place("10.9.0.1") }];
    let mesh = mesh([far.into(), service("headless", &[]).into(), workload("client", "10.0.0.100").into()]);
    assert_eq!(answer(&mesh, "front"), Some((vec![], None)));
    assert_eq!(answer(&mesh, "headless"), Some((vec![], None)));
}

#[test]
fn a_headless_service_has_its_ready_endpoints() {
    let unready = wire::Workload {
        status: wire::WorkloadStatus::Unhealthy.into(),
        ..serving("db", workload("db-1", "10.0.0.2"))
    };
    let far = wire::Workload { network: "far".to_owned(), ..serving("db", workload("db-2", "10.0.0.3")) };
    let headless = |change: fn(&mut wire::Service)| {
        let mut headless = service("db", &[]);
        change(&mut headless);
        let six = serving("db", workload("db-6", "fd00::6"));
        let endpoints = [serving("db", workload("db-0", "10.0.0.1")), unready.clone(), far.clone(), six];
        let client = Change::from(workload("client", "10.0.0.100"));
        let mesh = mesh([headless.into(), client].into_iter().chain(endpoints.map(Change::from)));
        assert_eq!(ask(&mesh, "db").unwrap().addressing, Addressing::Endpoints);
        answer(&mesh, "db").unwrap().0
    };
    assert_eq!(headless(|_| {}), ["10.0.0.1", "fd00::6"]);
    let all = |db: &mut wire::Service| {
        let health_policy = wire::load_balancing::HealthPolicy::AllowAll.into();
        db.load_balancing = Some(wire::LoadBalancing { health_policy, ..Default::default() });
    };
    assert_eq!(headless(all), ["10.0.0.1", "10.0.0.2", "fd00::6"]);
    assert_eq!(headless(|db| db.ip_families = wire::IpFamilies::Ipv4Only.into()), ["10.0.0.1"]);
    assert_eq!(headless(|db| db.ip_families = wire::IpFamilies::Ipv6Only.into()), ["fd00::6"]);
}

#[test]
fn a_name_of_the_world_outside_without_an_address_is_the_worlds_to_answer() {
    let mesh = mesh([external("example.com", &[]).into(), external("notsvc.cluster.local", &[]).into()]);
    assert_eq!(ask(&mesh, "example.com"), None);
    assert_eq!(ask(&mesh, "notsvc.cluster.local"), None);
}

proptest! {
    /// No query panics, and an alias target has those addresses itself.
    #[test]
    fn an_alias_leads_to_the_same(changes in changes(), client in any_pod(), host in any_name()) {
        let mesh = applied(changes);
        if let Some(found) = resolve(&mesh, &client, &host)
            && let Some(canonical) = &found.canonical
        {
            let direct = resolve(&mesh, &client, canonical);
            prop_assert_eq!(direct, Some(Resolution { canonical: None, ..found.clone() }));
        }
    }

    /// Case and trailing dot make no difference.
    #[test]
    fn spelling(changes in changes(), client in any_pod(), index in 0..3_usize) {
        let mesh = applied(changes);
        let host = hostname(crate::fixture::arbitrary::SERVICES[index]);
        let shouted = format!("{}.", host.to_uppercase());
        prop_assert_eq!(resolve(&mesh, &client, &host), resolve(&mesh, &client, &shouted));
    }
}
