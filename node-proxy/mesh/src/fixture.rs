//! Small meshes for tests: namespace `shop` and node `node-1` by default.

use std::net::{IpAddr, SocketAddr};

use karez_api::{security, settings, workload as wire};

use crate::object::policy::PolicyName;
use crate::{Change, LocalPod, Mesh};

pub(crate) mod arbitrary;

pub(crate) fn mesh(changes: impl IntoIterator<Item = Change>) -> Mesh {
    let mut mesh = Mesh::default();
    for change in changes {
        mesh.apply(change).unwrap();
    }
    mesh
}

/// Applies the changes and skips those that are malformed.
pub(crate) fn applied(changes: impl IntoIterator<Item = Change>) -> Mesh {
    let mut mesh = Mesh::default();
    for change in changes {
        let _rejected = mesh.apply(change);
    }
    mesh
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    match ip(text) {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

pub(crate) fn uid(name: &str) -> String {
    crate::pod::workload_uid("Kubernetes", "shop", name)
}

/// A Pod in the mesh, whose service account has its name.
pub(crate) fn workload(name: &str, address: &str) -> wire::Workload {
    wire::Workload {
        uid: uid(name),
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        addresses: vec![bytes(address)],
        service_account: name.to_owned(),
        tunnel_protocol: wire::TunnelProtocol::Hbone.into(),
        node: "node-1".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn hostname(service: &str) -> String {
    format!("{service}.shop.svc.cluster.local")
}

pub(crate) fn key(service: &str) -> String {
    format!("shop/{}", hostname(service))
}

pub(crate) fn ports(pairs: &[(u32, u32)]) -> Vec<wire::Port> {
    pairs.iter().map(|&(service_port, target_port)| wire::Port { service_port, target_port }).collect()
}

/// A service with port 80, which targets 8080, and the HBONE port, which targets itself.
pub(crate) fn service(name: &str, vips: &[&str]) -> wire::Service {
    wire::Service {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        hostname: hostname(name),
        addresses: vips.iter().map(|vip| place(vip)).collect(),
        ports: ports(&[(80, 8080), (15008, 15008)]),
        ..Default::default()
    }
}

pub(crate) fn place(address: &str) -> wire::NetworkAddress {
    wire::NetworkAddress { address: bytes(address), ..Default::default() }
}

/// The workload as an endpoint of the service, with the service's own ports.
pub(crate) fn serving(service: &str, workload: wire::Workload) -> wire::Workload {
    serving_on(service, &[], workload)
}

pub(crate) fn serving_on(
    service: &str,
    pairs: &[(u32, u32)],
    mut workload: wire::Workload,
) -> wire::Workload {
    workload.services.insert(key(service), wire::PortList { ports: ports(pairs) });
    workload
}

pub(crate) fn waypoint_service(name: &str) -> wire::GatewayAddress {
    let destination = wire::NamespacedHostname { namespace: "shop".to_owned(), hostname: hostname(name) };
    gateway(wire::gateway_address::Destination::Hostname(destination))
}

pub(crate) fn waypoint_address(address: &str) -> wire::GatewayAddress {
    gateway(wire::gateway_address::Destination::Address(place(address)))
}

fn gateway(destination: wire::gateway_address::Destination) -> wire::GatewayAddress {
    wire::GatewayAddress { destination: Some(destination), hbone_mtls_port: 0 }
}

/// The Pod of that name as enrolled by its agent.
pub(crate) fn pod(name: &str, address: &str) -> LocalPod {
    LocalPod {
        uid: uid(name).into(),
        namespace: "shop".into(),
        node: "node-1".into(),
        addresses: vec![ip(address)],
    }
}

/// An enforced policy of the namespace `shop`.
pub(crate) fn policy(
    name: &str,
    action: security::Action,
    rules: Vec<security::Rule>,
) -> security::Authorization {
    security::Authorization {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        scope: security::Scope::Namespace.into(),
        action: action.into(),
        rules,
        dry_run: false,
        unreadable: false,
    }
}

/// A rule of one clause of one match.
pub(crate) fn rule(wanted: security::Match) -> security::Rule {
    security::Rule { clauses: vec![security::Clause { matches: vec![wanted] }] }
}

/// A rule that matches everything.
pub(crate) fn anything() -> security::Rule {
    security::Rule { clauses: Vec::new() }
}

pub(crate) fn exact(text: &str) -> security::StringMatch {
    string_match(security::string_match::MatchType::Exact(text.to_owned()))
}

pub(crate) fn prefix(text: &str) -> security::StringMatch {
    string_match(security::string_match::MatchType::Prefix(text.to_owned()))
}

pub(crate) fn suffix(text: &str) -> security::StringMatch {
    string_match(security::string_match::MatchType::Suffix(text.to_owned()))
}

pub(crate) fn present() -> security::StringMatch {
    string_match(security::string_match::MatchType::Presence(()))
}

fn string_match(match_type: security::string_match::MatchType) -> security::StringMatch {
    security::StringMatch { match_type: Some(match_type) }
}

pub(crate) fn net(text: &str) -> security::Address {
    let (address, length) = text.split_once('/').unwrap();
    security::Address { address: bytes(address), length: length.parse().unwrap() }
}

pub(crate) fn account(namespace: &str, service_account: &str) -> security::ServiceAccountMatch {
    security::ServiceAccountMatch {
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
    }
}

pub(crate) fn policy_name(name: &str) -> PolicyName {
    PolicyName::new("shop", name)
}

impl From<wire::Workload> for Change {
    fn from(workload: wire::Workload) -> Self {
        Self::Address(wire::Address { r#type: Some(wire::address::Type::Workload(workload)) })
    }
}

impl From<wire::Service> for Change {
    fn from(service: wire::Service) -> Self {
        Self::Address(wire::Address { r#type: Some(wire::address::Type::Service(service)) })
    }
}

impl From<security::Authorization> for Change {
    fn from(policy: security::Authorization) -> Self {
        Self::Authorization { name: format!("{}/{}", policy.namespace, policy.name), policy }
    }
}

impl From<settings::MeshSettings> for Change {
    fn from(settings: settings::MeshSettings) -> Self {
        Self::Settings(settings)
    }
}

impl From<settings::NamespaceSettings> for Change {
    fn from(namespace: settings::NamespaceSettings) -> Self {
        Self::Namespace(namespace)
    }
}
