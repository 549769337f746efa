//! `Service`: a name and addresses in front of Pods.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use karez_api::names::annotation;

use crate::metadata::{Metadata, check_labels};
use crate::pod::{address, is_tcp, port_number};
use crate::problem::FieldError;
use crate::resource::{Kind, Labels};
use crate::syntax;
use crate::unsupported::{self, Unsupported};

/// What the mesh reads of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Cluster addresses; none for a headless one.
    pub addresses: Vec<IpAddr>,
    /// Labels of its Pods; none when its endpoints are listed by hand.
    pub selector: Labels,
    /// Its TCP ports.
    pub ports: Vec<ServicePort>,
    /// As `spec.ipFamilies` lists them.
    pub ip_families: Vec<IpFamily>,
    /// Which endpoints are preferred.
    pub distribution: Distribution,
    /// Endpoints are used before they are ready.
    pub publish_not_ready: bool,
    /// `type: ExternalName`: an alias in DNS, nothing to carry.
    pub external_name: bool,
    /// Whether a client keeps its endpoint.
    pub affinity: Affinity,
    /// Addresses outside the cluster that lead to it, as `spec.externalIPs` lists them.
    pub external_ips: Vec<IpAddr>,
    /// Its load balancers' addresses that kube-proxy takes for the Service inside the cluster, too.
    pub load_balancer_ips: Vec<IpAddr>,
    /// The mesh is being uninstalled, if this is its controller's Service.
    pub uninstalling: bool,
    /// What it asks for and the mesh does not do.
    pub unsupported: Vec<Unsupported>,
}

/// `spec.sessionAffinity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// Each connection has its own endpoint.
    #[default]
    None,
    /// All connections of one client go to one endpoint.
    ClientIp,
}

/// A Service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty when it is the only one.
    pub name: String,
    /// The port at the Service's address.
    pub port: u16,
    /// The port at the Pod.
    pub target: TargetPort,
}

/// Which port of a Pod a Service's port leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// Its number.
    Number(u16),
    /// The name of a container's port; each Pod may number it differently.
    Named(String),
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Which endpoints a client prefers: `spec.internalTrafficPolicy` and `spec.trafficDistribution`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distribution {
    /// All alike.
    #[default]
    Everywhere,
    /// Those of the client's zone first.
    SameZone,
    /// Those of the client's node first, then of its zone.
    SameNode,
    /// Only those of the client's node.
    OnlySameNode,
}

impl TryFrom<k8s::Service> for Service {
    type Error = FieldError;

    fn try_from(object: k8s::Service) -> Result<Self, FieldError> {
        let unsupported = unsupported::of_service(&object);
        let meta = Metadata::read(Kind::Service, object.metadata)?;
        let spec = object.spec.unwrap_or_default();
        let is_headless = spec.cluster_ip.as_deref() == Some("None");
        let selector = spec.selector.clone().unwrap_or_default();
        check_labels("spec.selector", &selector)?;
        Ok(Self {
            addresses: addresses(&spec)?,
            ports: ports(&spec)?,
            ip_families: ip_families(&spec)?,
            distribution: distribution(&spec)?,
            publish_not_ready: spec.publish_not_ready_addresses.unwrap_or(false),
            external_name: spec.type_.as_deref() == Some("ExternalName"),
            affinity: affinity(&spec)?,
            // kube-proxy passes headless Services over.
            external_ips: if is_headless { Vec::new() } else { external_ips(&spec)? },
            load_balancer_ips: load_balancer_ips(&object.status.unwrap_or_default())?,
            uninstalling: meta.annotations.get(annotation::UNINSTALLING).is_some_and(|value| value == "true"),
            unsupported,
            selector,
            namespace: meta.namespace,
            name: meta.name,
        })
    }
}

fn addresses(spec: &k8s::ServiceSpec) -> Result<Vec<IpAddr>, FieldError> {
    let mut addresses = Vec::new();
    let first = spec.cluster_ip.iter().map(|ip| ("spec.clusterIP".to_owned(), ip));
    let all = spec.cluster_ips.iter().flatten().enumerate();
    let all = all.map(|(at, ip)| (format!("spec.clusterIPs[{at}]"), ip));
    for (field, text) in first.chain(all).filter(|(_, text)| !text.is_empty() && *text != "None") {
        let address = address(&field, text)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn ports(spec: &k8s::ServiceSpec) -> Result<Vec<ServicePort>, FieldError> {
    let mut ports: Vec<ServicePort> = Vec::new();
    for (at, port) in spec.ports.iter().flatten().enumerate() {
        let number = port_number(&format!("spec.ports[{at}].port"), port.port.into())?;
        let target = target(&format!("spec.ports[{at}].targetPort"), port.target_port.as_ref(), number)?;
        if !is_tcp(&format!("spec.ports[{at}].protocol"), port.protocol.as_deref())? {
            continue;
        }
        if ports.iter().any(|other| other.port == number) {
            return Err(FieldError::new(
                format!("spec.ports[{at}].port"),
                format!("{number} is listed twice"),
            ));
        }
        ports.push(ServicePort { name: port.name.clone().unwrap_or_default(), port: number, target });
    }
    Ok(ports)
}

fn target(field: &str, written: Option<&IntOrString>, port: u16) -> Result<TargetPort, FieldError> {
    match written {
        // The API server takes 0 and the empty name for the port itself.
        None | Some(IntOrString::Int(0)) => Ok(TargetPort::Number(port)),
        Some(IntOrString::String(name)) if name.is_empty() => Ok(TargetPort::Number(port)),
        Some(IntOrString::Int(number)) => port_number(field, (*number).into()).map(TargetPort::Number),
        Some(IntOrString::String(name)) => {
            syntax::port_name(name).map_err(|message| FieldError::new(field, message))?;
            Ok(TargetPort::Named(name.clone()))
        }
    }
}

fn affinity(spec: &k8s::ServiceSpec) -> Result<Affinity, FieldError> {
    match spec.session_affinity.as_deref() {
        None | Some("" | "None") => Ok(Affinity::None),
        Some("ClientIP") => Ok(Affinity::ClientIp),
        Some(other) => {
            Err(FieldError::new("spec.sessionAffinity", format!("{other:?} is neither None nor ClientIP")))
        }
    }
}

fn external_ips(spec: &k8s::ServiceSpec) -> Result<Vec<IpAddr>, FieldError> {
    let written = spec.external_ips.iter().flatten().enumerate();
    written.map(|(at, text)| address(&format!("spec.externalIPs[{at}]"), text)).collect()
}

fn load_balancer_ips(status: &k8s::ServiceStatus) -> Result<Vec<IpAddr>, FieldError> {
    let ingress = status.load_balancer.iter().flat_map(|status| status.ingress.iter().flatten()).enumerate();
    // `Proxy`: what is sent to the address has to pass the load balancer itself (KEP-1860).
    let taken = ingress.filter(|(_, ingress)| ingress.ip_mode.as_deref() != Some("Proxy"));
    let with_ip = taken.filter_map(|(at, ingress)| Some((at, ingress.ip.as_deref()?)));
    with_ip
        .filter(|(_, text)| !text.is_empty())
        .map(|(at, text)| address(&format!("status.loadBalancer.ingress[{at}].ip"), text))
        .collect()
}

fn ip_families(spec: &k8s::ServiceSpec) -> Result<Vec<IpFamily>, FieldError> {
    let written = spec.ip_families.iter().flatten().enumerate();
    written
        .map(|(at, family)| match family.as_str() {
            "IPv4" => Ok(IpFamily::V4),
            "IPv6" => Ok(IpFamily::V6),
            other => Err(FieldError::new(
                format!("spec.ipFamilies[{at}]"),
                format!("{other:?} is neither IPv4 nor IPv6"),
            )),
        })
        .collect()
}

fn distribution(spec: &k8s::ServiceSpec) -> Result<Distribution, FieldError> {
    match spec.internal_traffic_policy.as_deref() {
        Some("Local") => return Ok(Distribution::OnlySameNode),
        None | Some("" | "Cluster") => {}
        Some(other) => {
            return Err(FieldError::new(
                "spec.internalTrafficPolicy",
                format!("{other:?} is neither Cluster nor Local"),
            ));
        }
    }
    Ok(match spec.traffic_distribution.as_deref() {
        Some("PreferClose" | "PreferSameZone") => Distribution::SameZone,
        Some("PreferSameNode") => Distribution::SameNode,
        // A preference, no promise: Kubernetes tells implementations to pass over the ones that they do not know.
        _ => Distribution::Everywhere,
    })
}

#[cfg(test)]
mod tests;
