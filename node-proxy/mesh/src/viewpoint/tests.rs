use karez_api::workload as wire;

use super::*;
use crate::Change;
use crate::fixture::{ip, mesh, place, pod, service, uid, workload};

fn on(network: &str, mut workload: wire::Workload) -> Change {
    workload.network = network.to_owned();
    workload.into()
}

fn name(workload: Option<&Arc<Workload>>) -> Option<&str> {
    workload.map(|workload| &*workload.name)
}

/// Two networks may use the same addresses.
#[test]
fn an_address_means_what_it_means_in_the_clients_network() {
    let mesh = mesh([
        on("east", workload("client", "10.0.0.100")),
        on("east", workload("near", "10.0.0.1")),
        on("west", workload("far", "10.0.0.1")),
        on("west", workload("west-only", "10.0.0.2")),
    ]);
    let client = pod("client", "10.0.0.100");
    let view = Viewpoint::new(&mesh, &client);
    assert_eq!(name(view.workload_at(ip("10.0.0.1"))), Some("near"));
    assert_eq!(name(view.workload_at(ip("10.0.0.2"))), None);
    // While the client's network is unknown, an address in any network is better than plaintext.
    let unknown = pod("unknown", "10.0.0.101");
    let view = Viewpoint::new(&mesh, &unknown);
    assert_eq!(name(view.workload_at(ip("10.0.0.2"))), Some("west-only"));
}

#[test]
fn a_services_address_too() {
    let mut east_and_west = service("front", &[]);
    east_and_west.addresses = ["10.9.0.1", "10.9.0.2"].map(place).to_vec();
    east_and_west.addresses[0].network = "east".to_owned();
    east_and_west.addresses[1].network = "west".to_owned();
    let mesh = mesh([on("east", workload("client", "10.0.0.100")), east_and_west.into()]);
    let client = pod("client", "10.0.0.100");
    let view = Viewpoint::new(&mesh, &client);
    assert!(view.service_at(ip("10.9.0.1")).is_some());
    assert!(view.service_at(ip("10.9.0.2")).is_none());
}

#[test]
fn of_several_services_the_clients_namespace_then_the_canonical_then_the_first() {
    let in_namespace = |namespace: &str, canonical| wire::Service {
        namespace: namespace.to_owned(),
        canonical,
        ..service("front", &["10.9.0.1"])
    };
    let preferred = |services: Vec<wire::Service>| {
        let mesh = mesh(services.into_iter().map(Change::from));
        let client = pod("client", "10.0.0.100");
        Viewpoint::new(&mesh, &client)
            .service_at(ip("10.9.0.1"))
            .map(|found| found.name.namespace.to_string())
    };
    let (bank, own, zoo) =
        (in_namespace("bank", false), in_namespace("shop", false), in_namespace("zoo", true));
    assert_eq!(preferred(vec![zoo.clone(), own.clone(), bank.clone()]).unwrap(), "shop");
    assert_eq!(preferred(vec![bank.clone(), zoo]).unwrap(), "zoo");
    let ordinary = in_namespace("zoo", false);
    assert_eq!(preferred(vec![ordinary, bank]).unwrap(), "bank");
    assert_eq!(preferred(vec![]), None);
}

#[test]
fn the_viewpoint_knows_whose_it_is() {
    let mesh = mesh([workload("client", "10.0.0.100").into()]);
    let client = pod("client", "10.0.0.100");
    let view = Viewpoint::new(&mesh, &client);
    assert_eq!(*view.pod().uid, *uid("client"));
    assert!(std::ptr::eq(view.mesh(), &mesh));
}
