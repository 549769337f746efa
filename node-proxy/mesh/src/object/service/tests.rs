use super::*;
use crate::fixture::{ip, service};

fn read(change: impl FnOnce(&mut wire::Service)) -> Result<Service, Reason> {
    let mut service = service("reviews", &["10.9.0.1"]);
    change(&mut service);
    Service::read(&service)
}

#[test]
fn names() {
    let name = ServiceName::new("shop", "Reviews.Shop.svc.cluster.local.");
    assert_eq!(name.to_string(), "shop/reviews.shop.svc.cluster.local");
    assert_eq!(ServiceName::parse("shop/reviews.shop.svc.cluster.local"), Some(name));
    for text in ["", "/", "shop", "shop/", "/host", "Kubernetes//Pod/shop/web"] {
        assert_eq!(ServiceName::parse(text), None, "{text:?}");
    }
    assert_eq!(
        read(|service| service.hostname = "*.example.com".into()).unwrap().wildcard_suffix(),
        Some("example.com")
    );
    assert_eq!(read(|_| {}).unwrap().wildcard_suffix(), None);
}

#[test]
fn identities_in_place_of_the_endpoints() {
    let names = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        read(|service| service.subject_alt_names = names).unwrap().accepted
    };
    let web: Identity = "spiffe://cluster.local/ns/shop/sa/web".parse().unwrap();
    assert_eq!(names(&[]), None, "each endpoint's own");
    assert_eq!(names(&["spiffe://cluster.local/ns/shop/sa/web"]), Some(vec![web.clone()]));
    assert_eq!(names(&["*.example.com", "spiffe://cluster.local/ns/shop/sa/web"]), Some(vec![web]));
    assert_eq!(names(&["*.example.com"]), Some(vec![]), "nobody, and not the endpoints' own");
}

#[test]
fn families() {
    let admits = |value: wire::IpFamilies| {
        let families = read(|service| service.ip_families = value.into()).unwrap().families;
        ["10.0.0.1", "fd00::1"].map(|text| families.admit(ip(text)))
    };
    assert_eq!(admits(wire::IpFamilies::Automatic), [true, true]);
    assert_eq!(admits(wire::IpFamilies::Dual), [true, true]);
    assert_eq!(admits(wire::IpFamilies::Ipv4Only), [true, false]);
    assert_eq!(admits(wire::IpFamilies::Ipv6Only), [false, true]);
}

#[test]
fn what_cannot_be_read() {
    type Edit = fn(&mut wire::Service);
    let balancing = |change: fn(&mut wire::LoadBalancing)| {
        read(|service| change(service.load_balancing.get_or_insert_default()))
    };
    let missing = |field| Reason::Missing { field };
    let unknown = |field, value| Reason::UnknownValue { field, value };
    let table: [(Edit, Reason); 6] = [
        (|service| service.namespace.clear(), missing("namespace")),
        (|service| service.hostname.clear(), missing("hostname")),
        (
            |service| service.addresses[0].address = vec![1, 2, 3],
            Reason::AddressLength { field: "addresses", bytes: 3 },
        ),
        (|service| service.ports[0].service_port = 0, Reason::Port { field: "ports", value: 0 }),
        (|service| service.ip_families = 9, unknown("ip_families", 9)),
        (|service| service.waypoint = Some(wire::GatewayAddress::default()), missing("waypoint.destination")),
    ];
    for (edit, reason) in table {
        assert_eq!(read(edit), Err(reason));
    }
    let scope = "load_balancing.routing_preference";
    assert_eq!(balancing(|wanted| wanted.routing_preference.push(0)), Err(unknown(scope, 0)));
    assert_eq!(balancing(|wanted| wanted.routing_preference.push(9)), Err(unknown(scope, 9)));
    assert_eq!(balancing(|wanted| wanted.mode = 9), Err(unknown("load_balancing.mode", 9)));
    assert_eq!(balancing(|wanted| wanted.health_policy = 9), Err(unknown("load_balancing.health_policy", 9)));
}
