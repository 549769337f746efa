//! Services: names and virtual addresses for a group of workloads.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::workload as wire;
use wire::load_balancing as wire_balancing;

use crate::object::gateway::Gateway;
use crate::object::ports::Ports;
use crate::object::workload::Workload;
use crate::rejected::{self, Reason};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its key.
    pub name: ServiceName,
    /// The object's own name, such as `reviews`.
    pub short_name: Arc<str>,
    /// Virtual addresses; none for a headless service.
    pub addresses: Vec<ServiceAddress>,
    /// Its ports; an endpoint may have other targets.
    pub ports: Ports,
    /// Identities that stand for those of the endpoints; `None`: each endpoint's own.
    pub accepted: Option<Vec<Identity>>,
    /// What every connection to it must go through.
    pub waypoint: Option<Gateway>,
    /// How an endpoint is chosen.
    pub balancing: Balancing,
    /// The address families that it is served in.
    pub families: Families,
    /// Preferred to others of its hostname where the client's own namespace has none.
    pub precedence: Precedence,
    /// It is not certain whose its addresses are, so nothing is sent to them.
    pub contested: bool,
}

/// The key of a service. Its text is `namespace/hostname`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName {
    /// The Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The full DNS name in lower case (RFC 4343), possibly `*.` and a suffix.
    pub hostname: Arc<str>,
}

/// One of a service's virtual addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    /// The network in which the address means this service.
    pub network: Arc<str>,
    /// The address.
    pub address: IpAddr,
    /// A load balancer's or another one from outside: it leads to the service, and its name does not mean it.
    pub external: bool,
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancing {
    /// What the scopes are for.
    pub mode: Mode,
    /// What a near endpoint shares with the client, the most important first.
    pub scopes: Vec<Scope>,
    /// Which endpoints are candidates.
    pub health: HealthPolicy,
    /// Whether a client keeps its endpoint.
    pub affinity: Affinity,
}

/// What a service's scopes are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: all endpoints are alike.
    #[default]
    Any,
    /// Only endpoints that match every scope.
    Strict,
    /// The endpoints that match the most scopes, in order.
    Failover,
    /// No endpoint is chosen: on to the address that was dialled.
    Passthrough,
}

/// Something that a client and an endpoint may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum Scope {
    Region,
    Zone,
    Subzone,
    Node,
    Cluster,
    Network,
}

/// Which endpoints are candidates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HealthPolicy {
    /// Those that are ready.
    #[default]
    OnlyHealthy,
    /// All, such as for `publishNotReadyAddresses`.
    All,
}

/// Whether a client keeps its endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Affinity {
    /// Each connection has its own.
    #[default]
    None,
    /// All connections of one client go to one endpoint, while that can take them.
    Client,
}

/// The address families that a service is served in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Families {
    /// Whatever its endpoints have.
    #[default]
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// A service's standing among those of the same hostname in other namespaces. Ordered: the better one is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// The one that the hostname means, such as the Kubernetes Service that owns it.
    Canonical,
    /// Any other.
    Ordinary,
}

impl Service {
    pub(crate) fn read(wire: &wire::Service) -> Result<Self, Reason> {
        rejected::required("namespace", &wire.namespace)?;
        rejected::required("hostname", &wire.hostname)?;
        Ok(Self {
            name: ServiceName::new(&wire.namespace, &wire.hostname),
            short_name: wire.name.as_str().into(),
            addresses: wire.addresses.iter().map(ServiceAddress::read).collect::<Result<_, _>>()?,
            ports: Ports::read("ports", &wire.ports)?,
            accepted: accepted(&wire.subject_alt_names),
            waypoint: wire.waypoint.as_ref().map(Gateway::read).transpose()?,
            balancing: Balancing::of(wire)?,
            families: Families::read(wire.ip_families)?,
            precedence: if wire.canonical { Precedence::Canonical } else { Precedence::Ordinary },
            contested: wire.contested,
        })
    }

    /// The identities of which an endpoint must prove one.
    #[must_use]
    pub fn accepted_of(&self, endpoint: &Workload) -> Vec<Identity> {
        self.accepted.clone().unwrap_or_else(|| vec![endpoint.identity.clone()])
    }

    /// Its place among services of one hostname or address: the least is preferred.
    pub(crate) fn standing(&self) -> impl Ord + use<'_> {
        (self.precedence, &self.name)
    }

    /// What a wildcard service's hostname ends with: `example.com` for `*.example.com`.
    #[must_use]
    pub fn wildcard_suffix(&self) -> Option<&str> {
        self.name.hostname.strip_prefix("*.")
    }
}

impl ServiceName {
    /// The name of the service `hostname` in `namespace`; case of the hostname does not matter.
    #[must_use]
    pub fn new(namespace: &str, hostname: &str) -> Self {
        Self {
            namespace: namespace.into(),
            hostname: hostname.trim_end_matches('.').to_ascii_lowercase().into(),
        }
    }

    /// Reads `namespace/hostname`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (namespace, hostname) = text.split_once('/')?;
        let whole = !namespace.is_empty() && !hostname.is_empty() && !hostname.contains('/');
        whole.then(|| Self::new(namespace, hostname))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.hostname)
    }
}

impl ServiceAddress {
    fn read(wire: &wire::NetworkAddress) -> Result<Self, Reason> {
        Ok(Self {
            network: wire.network.as_str().into(),
            address: rejected::address("addresses", &wire.address)?,
            external: wire.external,
        })
    }
}

impl Families {
    fn read(value: i32) -> Result<Self, Reason> {
        Ok(match rejected::known("ip_families", value)? {
            wire::IpFamilies::Automatic | wire::IpFamilies::Dual => Self::Both,
            wire::IpFamilies::Ipv4Only => Self::V4,
            wire::IpFamilies::Ipv6Only => Self::V6,
        })
    }

    /// Whether the address is of such a family.
    #[must_use]
    pub fn admit(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

impl Balancing {
    fn of(service: &wire::Service) -> Result<Self, Reason> {
        let affinity = if service.client_affinity { Affinity::Client } else { Affinity::None };
        let read = service.load_balancing.as_ref().map(Self::read).transpose()?;
        Ok(Self { affinity, ..read.unwrap_or_default() })
    }

    fn read(wire: &wire::LoadBalancing) -> Result<Self, Reason> {
        let mode = match rejected::known("load_balancing.mode", wire.mode)? {
            wire_balancing::Mode::UnspecifiedMode => Mode::Any,
            wire_balancing::Mode::Strict => Mode::Strict,
            wire_balancing::Mode::Failover => Mode::Failover,
            wire_balancing::Mode::Passthrough => Mode::Passthrough,
        };
        let health = match rejected::known("load_balancing.health_policy", wire.health_policy)? {
            wire_balancing::HealthPolicy::OnlyHealthy => HealthPolicy::OnlyHealthy,
            wire_balancing::HealthPolicy::AllowAll => HealthPolicy::All,
        };
        let scopes = wire.routing_preference.iter().map(|value| Scope::read(*value));
        let scopes = scopes.collect::<Result<_, _>>()?;
        Ok(Self { mode, scopes, health, affinity: Affinity::None })
    }
}

impl Scope {
    fn read(value: i32) -> Result<Self, Reason> {
        const FIELD: &str = "load_balancing.routing_preference";
        Ok(match rejected::known(FIELD, value)? {
            wire_balancing::Scope::UnspecifiedScope => {
                return Err(Reason::UnknownValue { field: FIELD, value });
            }
            wire_balancing::Scope::Region => Self::Region,
            wire_balancing::Scope::Zone => Self::Zone,
            wire_balancing::Scope::Subzone => Self::Subzone,
            wire_balancing::Scope::Node => Self::Node,
            wire_balancing::Scope::Cluster => Self::Cluster,
            wire_balancing::Scope::Network => Self::Network,
        })
    }
}

fn accepted(names: &[String]) -> Option<Vec<Identity>> {
    // A name of another form belongs to no peer that the mesh could verify: it accepts nobody, and is no reason to
    // lose the service.
    (!names.is_empty()).then(|| names.iter().filter_map(|name| name.parse().ok()).collect())
}

#[cfg(test)]
mod tests;
