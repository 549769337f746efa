//! Addresses at which a Service is reached from outside: whose they are to Pods of the mesh.
//!
//! Any namespace may name any address, so such a claim never takes an address from a Pod or from a Service's own, and of two
//! namespaces that claim one port of an address neither has it. Node proxies decide that; here it is told.

use std::net::IpAddr;

use karez_resources::service::Service;
use karez_resources::{Key, Kind};

use crate::output::Output;
use crate::relations::Lookup;
use crate::report::Effect;
use crate::view::View;

pub(crate) fn report(view: View<'_>, service: &Service, output: &mut Output) {
    for (field, address) in addresses(service) {
        let finding = owner(view, address)
            .map(|owner| (taken(address, owner), Effect::AllButField))
            .or_else(|| is_in_ranges(view, address).then(|| (reserved(address), Effect::AllButField)))
            .or_else(|| rival(view, service, address));
        if let Some((message, effect)) = finding {
            output.report(&key(service), field, &message, effect);
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
fn is_in_ranges(view: View<'_>, address: IpAddr) -> bool {
    view.mesh.address_ranges.iter().any(|range| range.net().contains(&address))
}

/// Who has an address for itself: a Service before a Pod.
fn owner(view: View<'_>, address: IpAddr) -> Option<&Key> {
    let has = |key: &Key| view.service(key).is_some() || view.pod(key).is_some_and(|pod| !pod.host_network);
    view.found_by(&Lookup::Claims(address)).iter().rev().find(|key| has(key)).map(|key| &**key)
}

/// What is wrong where another Service is reached at the same port of the same address.
fn rival(view: View<'_>, service: &Service, address: IpAddr) -> Option<(String, Effect)> {
    let others = view.found_by(&Lookup::OutsideAt(address)).iter().filter_map(|key| view.service(key));
    let others = others.filter(|other| !std::ptr::eq(*other, service));
    let mut common = others.filter_map(|other| Some((other, common_port(service, other)?)));
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
