use super::*;
use crate::fixture::{bytes, ip, policy_name, serving_on, workload};

fn read(change: impl FnOnce(&mut wire::Workload)) -> Result<Workload, Reason> {
    let mut workload = workload("web", "10.0.0.1");
    change(&mut workload);
    Workload::read(workload, "mesh.example")
}

#[test]
fn identity() {
    let identity = |change: fn(&mut wire::Workload)| read(change).unwrap().identity.to_string();
    assert_eq!(identity(|_| {}), "spiffe://mesh.example/ns/shop/sa/web");
    assert_eq!(identity(|web| web.service_account.clear()), "spiffe://mesh.example/ns/shop/sa/default");
    assert_eq!(
        identity(|web| web.trust_domain = "own.example".into()),
        "spiffe://own.example/ns/shop/sa/web"
    );
}

#[test]
fn a_trust_domain_of_its_own_stays() {
    let moved = |change: fn(&mut wire::Workload)| read(change).unwrap().under("new.example");
    assert_eq!(moved(|web| web.trust_domain = "own.example".into()), None);
    let identity = moved(|_| {}).unwrap().identity;
    assert_eq!(identity.to_string(), "spiffe://new.example/ns/shop/sa/web");
    assert_eq!(read(|_| {}).unwrap().under("mesh.example"), None, "nothing changes");
}

#[test]
fn replicas_hold_what_they_have_in_common_once() {
    let replica = |name: &str, zone: &str| {
        let mut wire = serving_on("web", &[(80, 8080)], workload(name, "10.0.0.1"));
        wire.service_account = "web".to_owned();
        wire.locality = Some(wire::Locality { zone: zone.to_owned(), ..Default::default() });
        Workload::read(wire, "mesh.example").unwrap()
    };
    let (one, mut other) = (replica("web-1", "a"), replica("web-2", "b"));
    let alone = other.clone();
    other.share_with(&one);
    assert_eq!(other, alone, "it is the same as before");
    assert!(Arc::ptr_eq(&one.node, &other.node) && Arc::ptr_eq(&one.services[0].1, &other.services[0].1));
    assert!(!Arc::ptr_eq(&one.locality.zone, &other.locality.zone));
}

#[test]
fn addresses() {
    let web = read(|web| {
        web.addresses =
            vec![bytes("fd00::1"), bytes("::ffff:10.0.0.1"), bytes("10.0.0.1"), bytes("10.0.0.2")];
    })
    .unwrap();
    assert_eq!(web.addresses, ["fd00::1", "10.0.0.1", "10.0.0.2"].map(ip));
    assert_eq!([true, false].map(|v4| web.address_of(v4)), [Some(ip("10.0.0.1")), Some(ip("fd00::1"))]);
    assert_eq!(read(|_| {}).unwrap().address_of(false), None);
}

#[test]
fn health() {
    let health = |change: fn(&mut wire::Workload)| read(change).unwrap().health;
    let unhealthy = |web: &mut wire::Workload| web.status = wire::WorkloadStatus::Unhealthy.into();
    assert_eq!(health(|_| {}), Health::Healthy);
    assert_eq!(health(unhealthy), Health::Unhealthy);
    assert_eq!(health(|web| web.terminating = true), Health::Healthy, "its status comes first");
    let terminating = read(|web| {
        unhealthy(web);
        web.terminating = true;
    });
    assert_eq!(terminating.unwrap().health, Health::Terminating);
}

#[test]
fn the_rest() {
    let web = serving_on("front", &[(80, 9090)], workload("web", "10.0.0.1"));
    let web = wire::Workload {
        hostname: "Web-0.Front.shop.svc.cluster.local.".to_owned(),
        authorization_policies: ["shop/two", "shop/one", "shop/two"].map(str::to_owned).to_vec(),
        capacity: Some(3),
        network_mode: wire::NetworkMode::HostNetwork.into(),
        status: wire::WorkloadStatus::Unhealthy.into(),
        workload_type: wire::WorkloadType::Cronjob.into(),
        ..web
    };
    let web = Workload::read(web, "mesh.example").unwrap();
    assert_eq!(web.hostname.as_deref(), Some("web-0.front.shop.svc.cluster.local"));
    assert_eq!(web.policies, [policy_name("one"), policy_name("two")]);
    assert_eq!(web.capacity, 3);
    assert_eq!(web.address_owner, AddressOwner::Node);
    assert_eq!(web.health, Health::Unhealthy);
    assert_eq!(web.owner_kind.key(), "cronjob");
    let [(service, ports)] = &web.services[..] else { panic!("{:?}", web.services) };
    assert_eq!(service.to_string(), "shop/front.shop.svc.cluster.local");
    assert_eq!(ports.target(80), Some(9090));
}

#[test]
fn what_cannot_be_read() {
    type Edit = fn(&mut wire::Workload);
    let unknown = |field| Reason::UnknownValue { field, value: 9 };
    let no_name = || Reason::QualifiedName { field: "services", text: "front".to_owned() };
    let table: [(Edit, Reason); 7] = [
        (|web| web.uid.clear(), Reason::Missing { field: "uid" }),
        (|web| web.addresses.push(vec![0; 5]), Reason::AddressLength { field: "addresses", bytes: 5 }),
        (|web| web.tunnel_protocol = 9, unknown("tunnel_protocol")),
        (|web| web.network_mode = 9, unknown("network_mode")),
        (|web| web.status = 9, unknown("status")),
        (|web| web.workload_type = 9, unknown("workload_type")),
        (|web| drop(web.services.insert("front".to_owned(), wire::PortList::default())), no_name()),
    ];
    for (edit, reason) in table {
        assert_eq!(read(edit), Err(reason));
    }
    let no_identity: [Edit; 2] = [|web| web.namespace.clear(), |web| web.service_account = "a/b".to_owned()];
    for edit in no_identity {
        assert!(matches!(read(edit), Err(Reason::Identity(_))));
    }
}
