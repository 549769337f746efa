//! Workloads: their addresses, location and identity.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::workload as wire;

use crate::object::gateway::Gateway;
use crate::object::policy::PolicyName;
use crate::object::ports::Ports;
use crate::object::service::ServiceName;
use crate::rejected::{self, Reason};

/// A workload: usually a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its key, such as `Kubernetes//Pod/shop/web-0`.
    pub uid: Arc<str>,
    /// The object's name; may be empty.
    pub name: Arc<str>,
    /// The Kubernetes namespace.
    pub namespace: Arc<str>,
    /// Its identity.
    pub identity: Identity,
    /// The source of the identity's trust domain.
    pub trust: TrustDomain,
    /// Its distinct addresses.
    pub addresses: Vec<IpAddr>,
    /// The owner of its addresses.
    pub address_owner: AddressOwner,
    /// Its own DNS name, in lower case.
    pub hostname: Option<Arc<str>>,
    /// The network that its addresses belong to.
    pub network: Arc<str>,
    /// How it is reached.
    pub protocol: Protocol,
    /// The waypoint of connections to its own address.
    pub waypoint: Option<Gateway>,
    /// The node that it runs on; may be empty.
    pub node: Arc<str>,
    /// The cluster that it runs in; may be empty.
    pub cluster: Arc<str>,
    /// Its region, zone and subzone.
    pub locality: Locality,
    /// Name of the application in telemetry; may be empty.
    pub canonical_name: Arc<str>,
    /// Version of the application in telemetry; may be empty.
    pub canonical_revision: Arc<str>,
    /// The kind of its owner.
    pub owner_kind: OwnerKind,
    /// Its owner's name, such as a Deployment's; may be empty.
    pub owner_name: Arc<str>,
    /// Policies that select it. Its namespace's and the mesh's apply too.
    pub policies: Vec<PolicyName>,
    /// Ports on which strict mode admits peers without an identity.
    pub permissive_ports: Vec<u16>,
    /// Whether it is ready.
    pub health: Health,
    /// The services that it is an endpoint of, with its ports for each.
    pub services: Vec<(ServiceName, Arc<Ports>)>,
    /// Share of a service's traffic, relative to the other endpoints; 0 gets none.
    pub capacity: u32,
}

/// The source of a workload's trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustDomain {
    /// The workload names it.
    Own,
    /// The mesh's settings.
    Mesh,
}

/// The owner of a workload's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressOwner {
    /// The workload.
    Workload,
    /// Its node: other workloads there share them.
    Node,
}

/// How a workload is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// In plaintext: it is not in the mesh.
    Plaintext,
    /// Through an HBONE tunnel.
    Hbone,
}

/// A workload's location; parts may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the field's own")]
pub struct Locality {
    pub region: Arc<str>,
    pub zone: Arc<str>,
    pub subzone: Arc<str>,
}

/// The kind of a workload's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "Kubernetes' own names")]
pub enum OwnerKind {
    Deployment,
    CronJob,
    Pod,
    Job,
}

/// Whether a workload is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Health {
    Healthy,
    Unhealthy,
    /// It is being deleted, and serves until its end.
    Terminating,
}

impl Workload {
    /// Parses a workload. `trust_domain` is the mesh's.
    pub(crate) fn read(wire: wire::Workload, trust_domain: &str) -> Result<Self, Reason> {
        rejected::required("uid", &wire.uid)?;
        let (trust, trust_domain) = match wire.trust_domain.as_str() {
            "" => (TrustDomain::Mesh, trust_domain),
            own => (TrustDomain::Own, own),
        };
        let service_account = if wire.service_account.is_empty() { "default" } else { &wire.service_account };
        let identity = Identity::new(trust_domain, &wire.namespace, service_account)?;
        Ok(Self {
            identity,
            trust,
            addresses: rejected::addresses("addresses", &wire.addresses)?,
            address_owner: AddressOwner::read(wire.network_mode)?,
            hostname: hostname(&wire.hostname),
            protocol: Protocol::read(wire.tunnel_protocol)?,
            waypoint: wire.waypoint.as_ref().map(Gateway::read).transpose()?,
            locality: wire.locality.map(Locality::from).unwrap_or_default(),
            owner_kind: OwnerKind::read(wire.workload_type)?,
            policies: policies(&wire.authorization_policies),
            permissive_ports: permissive_ports(&wire.permissive_ports)?,
            health: Health::read(wire.status, wire.terminating)?,
            services: services(&wire.services)?,
            capacity: wire.capacity.unwrap_or(1),
            uid: wire.uid.into(),
            name: wire.name.into(),
            namespace: wire.namespace.into(),
            network: wire.network.into(),
            node: wire.node.into(),
            cluster: wire.cluster_id.into(),
            canonical_name: wire.canonical_name.into(),
            canonical_revision: wire.canonical_revision.into(),
            owner_name: wire.workload_name.into(),
        })
    }

    /// The same workload under the mesh's trust domain `trust_domain`; `None` if nothing changes.
    pub(crate) fn under(&self, trust_domain: &str) -> Option<Self> {
        if self.trust == TrustDomain::Own || self.identity.trust_domain() == trust_domain {
            return None;
        }
        let (namespace, service_account) = (self.identity.namespace(), self.identity.service_account());
        // Cannot fail: the settings have checked their trust domain, and the other parts come from a valid identity.
        let identity = Identity::new(trust_domain, namespace, service_account).ok()?;
        Some(Self { identity, ..self.clone() })
    }

    /// Holds what it has in common with `other` once for both: most of a Pod's texts are its replicas' too.
    pub(crate) fn share_with(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.namespace, &other.namespace),
            (&mut self.network, &other.network),
            (&mut self.node, &other.node),
            (&mut self.cluster, &other.cluster),
            (&mut self.locality.region, &other.locality.region),
            (&mut self.locality.zone, &other.locality.zone),
            (&mut self.locality.subzone, &other.locality.subzone),
            (&mut self.canonical_name, &other.canonical_name),
            (&mut self.canonical_revision, &other.canonical_revision),
            (&mut self.owner_name, &other.owner_name),
        ] {
            share(own, others);
        }
        if self.identity == other.identity {
            self.identity.clone_from(&other.identity);
        }
        if self.policies == other.policies {
            self.policies.clone_from(&other.policies);
        }
        for ((own, own_ports), (others, others_ports)) in self.services.iter_mut().zip(&other.services) {
            share(&mut own.namespace, &others.namespace);
            share(&mut own.hostname, &others.hostname);
            share(own_ports, others_ports);
        }
    }

    /// Its first IPv4 or IPv6 address.
    #[must_use]
    pub fn address_of(&self, is_ipv4: bool) -> Option<IpAddr> {
        self.addresses.iter().find(|address| address.is_ipv4() == is_ipv4).copied()
    }
}

impl AddressOwner {
    fn read(value: i32) -> Result<Self, Reason> {
        Ok(match rejected::known("network_mode", value)? {
            wire::NetworkMode::Standard => Self::Workload,
            wire::NetworkMode::HostNetwork => Self::Node,
        })
    }
}

impl Protocol {
    fn read(value: i32) -> Result<Self, Reason> {
        Ok(match rejected::known("tunnel_protocol", value)? {
            wire::TunnelProtocol::None => Self::Plaintext,
            wire::TunnelProtocol::Hbone => Self::Hbone,
        })
    }
}

impl From<wire::Locality> for Locality {
    fn from(wire: wire::Locality) -> Self {
        Self { region: wire.region.into(), zone: wire.zone.into(), subzone: wire.subzone.into() }
    }
}

impl OwnerKind {
    fn read(value: i32) -> Result<Self, Reason> {
        Ok(match rejected::known("workload_type", value)? {
            wire::WorkloadType::Deployment => Self::Deployment,
            wire::WorkloadType::Cronjob => Self::CronJob,
            wire::WorkloadType::Pod => Self::Pod,
            wire::WorkloadType::Job => Self::Job,
        })
    }

    /// The kind in OpenTelemetry's keys: `k8s.KIND.name`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::CronJob => "cronjob",
            Self::Pod => "pod",
            Self::Job => "job",
        }
    }
}

impl Health {
    fn read(value: i32, terminating: bool) -> Result<Self, Reason> {
        Ok(match rejected::known("status", value)? {
            wire::WorkloadStatus::Healthy => Self::Healthy,
            wire::WorkloadStatus::Unhealthy if terminating => Self::Terminating,
            wire::WorkloadStatus::Unhealthy => Self::Unhealthy,
        })
    }
}

fn share<T: PartialEq + ?Sized>(own: &mut Arc<T>, others: &Arc<T>) {
    if own == others {
        *own = Arc::clone(others);
    }
}

fn hostname(text: &str) -> Option<Arc<str>> {
    let name = text.trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_ascii_lowercase().into())
}

fn policies(names: &[String]) -> Vec<PolicyName> {
    let mut policies: Vec<_> = names.iter().map(|name| PolicyName::of_resource(name)).collect();
    policies.sort_unstable();
    policies.dedup();
    policies
}

fn permissive_ports(wire: &[u32]) -> Result<Vec<u16>, Reason> {
    wire.iter().map(|port| rejected::port("permissive_ports", *port)).collect()
}

fn services(wire: &BTreeMap<String, wire::PortList>) -> Result<Vec<(ServiceName, Arc<Ports>)>, Reason> {
    let mut services = wire
        .iter()
        .map(|(key, list)| {
            let name = ServiceName::parse(key)
                .ok_or_else(|| Reason::QualifiedName { field: "services", text: key.clone() })?;
            Ok((name, Arc::new(Ports::read("services", &list.ports)?)))
        })
        .collect::<Result<Vec<_>, Reason>>()?;
    services.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    services.dedup_by(|(one, _), (other, _)| one == other);
    Ok(services)
}

#[cfg(test)]
mod tests;
