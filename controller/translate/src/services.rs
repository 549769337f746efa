//! `Service` → `Address`.

use std::net::IpAddr;

use karez_api::names::{CONTESTED_ADDRESSES, type_url};
use karez_api::workload::load_balancing::{HealthPolicy, Mode, Scope};
use karez_api::workload::{self, Address, IpFamilies, LoadBalancing, NetworkAddress, Port, address};
use karez_resources::service::{Affinity, Distribution, IpFamily, Service, TargetPort};

use crate::addresses::Claims;
use crate::output::Output;
use crate::view::View;

pub(crate) fn translate(view: View<'_>, service: &Service, output: &mut Output) {
    add(output, resource_name(view, service), message(view, service));
}

/// What stands at an address beside those who claim it.
pub(crate) fn translate_address(view: View<'_>, address: IpAddr, output: &mut Output) {
    let claims = Claims::to(view, address);
    if claims.is_contested() {
        let message = contested(address);
        add(output, format!("{}/{}", message.namespace, message.hostname), message);
    }
    claims.report(output);
}

fn add(output: &mut Output, name: String, service: workload::Service) {
    output.add(type_url::ADDRESS, name, &Address { r#type: Some(address::Type::Service(service)) });
}

/// Stands in the way of an address to which claims conflict. Node proxies ask for Services first, and Istio's refuses a Service
/// without endpoints.
fn contested(address: IpAddr) -> workload::Service {
    workload::Service {
        name: address.to_string(),
        namespace: CONTESTED_ADDRESSES.to_owned(),
        hostname: address.to_string(),
        addresses: vec![network_address(address)],
        contested: true,
        ..workload::Service::default()
    }
}

/// `namespace/hostname`.
pub(crate) fn resource_name(view: View<'_>, service: &Service) -> String {
    format!("{}/{}", service.namespace, hostname(view, service))
}

/// The octets of an address, in network order.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn hostname(view: View<'_>, service: &Service) -> String {
    format!("{}.{}.svc.{}", service.name, service.namespace, view.mesh.cluster_domain())
}

fn message(view: View<'_>, service: &Service) -> workload::Service {
    let own = service.addresses.iter().filter(|address| !Claims::to(view, **address).is_contested());
    let outside = service.external_ips.iter().chain(&service.load_balancer_ips);
    let outside = outside.map(|address| NetworkAddress { external: true, ..network_address(*address) });
    let port = |port: &karez_resources::service::ServicePort| Port {
        service_port: port.port.into(),
        target_port: match port.target {
            TargetPort::Number(number) => number.into(),
            // Each endpoint has its own number for it.
            TargetPort::Named(_) => 0,
        },
    };
    workload::Service {
        name: service.name.clone(),
        namespace: service.namespace.clone(),
        hostname: hostname(view, service),
        addresses: own.copied().map(network_address).chain(outside).collect(),
        ports: service.ports.iter().map(port).collect(),
        load_balancing: load_balancing(service),
        ip_families: ip_families(&service.ip_families).into(),
        canonical: true,
        client_affinity: service.affinity == Affinity::ClientIp,
        ..workload::Service::default()
    }
}

fn network_address(address: IpAddr) -> NetworkAddress {
    NetworkAddress { address: octets(address), ..NetworkAddress::default() }
}

fn ip_families(families: &[IpFamily]) -> IpFamilies {
    match (families.contains(&IpFamily::V4), families.contains(&IpFamily::V6)) {
        (true, true) => IpFamilies::Dual,
        (true, false) => IpFamilies::Ipv4Only,
        (false, true) => IpFamilies::Ipv6Only,
        (false, false) => IpFamilies::Automatic,
    }
}

/// Which endpoints come first: Kubernetes' words in the scopes that Istio gives them.
fn load_balancing(service: &Service) -> Option<LoadBalancing> {
    const ZONE: [Scope; 3] = [Scope::Network, Scope::Region, Scope::Zone];
    const NODE: [Scope; 5] = [Scope::Network, Scope::Region, Scope::Zone, Scope::Subzone, Scope::Node];
    let (scopes, mode): (&[Scope], Mode) = match service.distribution {
        Distribution::Everywhere if !service.publish_not_ready => return None,
        Distribution::Everywhere => (&[], Mode::UnspecifiedMode),
        Distribution::SameZone => (&ZONE, Mode::Failover),
        Distribution::SameNode => (&NODE, Mode::Failover),
        Distribution::OnlySameNode => (&[Scope::Node], Mode::Strict),
    };
    let health = if service.publish_not_ready { HealthPolicy::AllowAll } else { HealthPolicy::OnlyHealthy };
    Some(LoadBalancing {
        routing_preference: scopes.iter().map(|scope| (*scope).into()).collect(),
        mode: mode.into(),
        health_policy: health.into(),
    })
}
