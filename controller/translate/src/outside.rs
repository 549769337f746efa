//! Addresses at which a Service is reached from outside: whose they are to Pods of the mesh.
//!
//! Any namespace may name any address, so such a claim never takes an address from a Pod or from a Service's own, and of two
//! namespaces that claim one port of an address neither has it. Node proxies decide that; here it is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use karez_resources::service::Service;
use karez_resources::{Key, Kind};

use crate::report::Effect;
use crate::translation::Output;
use crate::view::View;

pub(crate) fn report(view: &View<'_>, output: &mut Output<'_>) {
    let owners = owners(view);
    let mut claims: BTreeMap<IpAddr, Vec<&Service>> = BTreeMap::new();
    for service in view.services.iter().filter(|service| !service.external_name) {
        for (_, address) in addresses(service) {
            claims.entry(address).or_default().push(service);
        }
    }
    for service in view.services.iter().filter(|service| !service.external_name) {
        for (field, address) in addresses(service) {
            let rivals = claims.get(&address).map_or(&[][..], Vec::as_slice);
            let finding = owners
                .get(&address)
                .map(|owner| (taken(address, owner), Effect::AllButField))
                .or_else(|| is_in_ranges(view, address).then(|| (reserved(address), Effect::AllButField)))
                .or_else(|| rival(service, address, rivals));
            if let Some((message, effect)) = finding {
                output.report(&key(service), field.to_owned(), &message, effect);
            }
        }
    }
}

/// The fields of a Service that name such addresses.
fn addresses(service: &Service) -> impl Iterator<Item = (&'static str, IpAddr)> {
    let external = service.external_ips.iter().map(|address| ("spec.externalIPs", *address));
    let balanced = service.load_balancer_ips.iter().map(|address| ("status.loadBalancer.ingress", *address));
    external.chain(balanced)
}

/// Node proxies wait there for the Pod or Service whose own it is.
fn is_in_ranges(view: &View<'_>, address: IpAddr) -> bool {
    view.mesh.address_ranges.iter().any(|range| range.net().contains(&address))
}

/// Who has an address for itself.
fn owners(view: &View<'_>) -> BTreeMap<IpAddr, Key> {
    let pods = view.pods.values().filter(|pod| !pod.host_network);
    let pods = pods.flat_map(|pod| {
        pod.addresses.iter().map(|address| (*address, Key::new(Kind::Pod, &pod.namespace, &pod.name)))
    });
    let services = view.services.iter().filter(|service| !service.external_name);
    let services =
        services.flat_map(|service| service.addresses.iter().map(|address| (*address, key(service))));
    pods.chain(services).collect()
}

/// What is wrong where another Service is reached at the same port of the same address.
fn rival(service: &Service, address: IpAddr, rivals: &[&Service]) -> Option<(String, Effect)> {
    let others = rivals.iter().filter(|other| !std::ptr::eq(**other, service));
    let mut common = others.filter_map(|other| Some((*other, common_port(service, other)?)));
    let is_foreign = |other: &Service| other.namespace != service.namespace;
    if let Some((other, port)) = common.clone().find(|(other, _)| is_foreign(other)) {
        return Some((contested(address, port, other), Effect::Refused));
    }
    let first = common.find(|(other, _)| other.name < service.name);
    first.map(|(other, _)| (taken(address, &key(other)), Effect::AllButField))
}

fn common_port(one: &Service, other: &Service) -> Option<u16> {
    let mut ports = one.ports.iter().map(|port| port.port);
    ports.find(|port| other.ports.iter().any(|other| other.port == *port))
}

fn reserved(address: IpAddr) -> String {
    format!(
        "{address} lies in the mesh's own ranges (addressRanges of the Mesh), where Pods and Services have their own: nobody is \
         reached there for this field"
    )
}

fn taken(address: IpAddr, owner: &Key) -> String {
    format!("{address} is also {owner}'s, which is reached there")
}

fn contested(address: IpAddr, port: u16, rival: &Service) -> String {
    format!(
        "{} claims port {port} of {address} too: connections to it are refused until one of the two gives it up",
        key(rival)
    )
}

fn key(service: &Service) -> Key {
    Key::new(Kind::Service, &service.namespace, &service.name)
}
