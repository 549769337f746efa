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
    /// The object's name, such as `reviews`.
    pub short_name: Arc<str>,
    /// Virtual addresses; none for a headless service.
    pub addresses: Vec<ServiceAddress>,
    /// Its ports. An endpoint may have other targets.
    pub ports: Ports,
    /// Accepted identities in place of the endpoints'. `None`: each endpoint's own.
    pub accepted: Option<Vec<Identity>>,
    /// The waypoint of every connection to it.
    pub waypoint: Option<Gateway>,
    /// How an endpoint is chosen.
    pub balancing: Balancing,
    /// The address families that it is served in.
    pub families: Families,
    /// Its rank among services of its hostname, where the client's namespace has none.
    pub precedence: Precedence,
    /// The owner of its addresses is uncertain, so connections to them are refused.
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
    /// The network where the address means this service.
    pub network: Arc<str>,
    /// The address.
    pub address: IpAddr,
    /// An external address, such as a load balancer's. It leads to the service, but DNS does not return it.
    pub external: bool,
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancing {
    /// The role of the scopes.
    pub mode: Mode,
    /// Scopes that a near endpoint shares with the client, most important first.
    pub scopes: Vec<Scope>,
    /// Which endpoints are candidates.
    pub health: HealthPolicy,
    /// Whether a client keeps its endpoint.
    pub affinity: Affinity,
}

/// The role of a service's scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// None: all endpoints are equal.
    #[default]
    Any,
    /// Only endpoints that match every scope.
    Strict,
    /// The endpoints that match the most scopes, in order.
    Failover,
    /// No choice: go to the dialled address.
    Passthrough,
}

/// A location that a client and an endpoint may share.
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
    /// Ready ones.
    #[default]
    OnlyHealthy,
    /// All of them, as for `publishNotReadyAddresses`.
    All,
}

/// Whether a client keeps its endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Affinity {
    /// Each connection has its own endpoint.
    #[default]
    None,
    /// All connections of a client go to one endpoint while it can take them.
    Client,
}

/// The address families that a service is served in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Families {
    /// Those of its endpoints.
    #[default]
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// A service's rank among those of its hostname in other namespaces. The better one is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// The hostname's owner, such as its Kubernetes Service.
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

    /// The accepted identities of an endpoint.
    #[must_use]
    pub fn accepted_of(&self, endpoint: &Workload) -> Vec<Identity> {
        self.accepted.clone().unwrap_or_else(|| vec![endpoint.identity.clone()])
    }

    /// Its rank among services of one hostname or address. The least is preferred.
    pub(crate) fn standing(&self) -> impl Ord + use<'_> {
        (self.precedence, &self.name)
    }

    /// The suffix of a wildcard service's hostname: `example.com` for `*.example.com`.
    #[must_use]
    pub fn wildcard_suffix(&self) -> Option<&str> {
        self.name.hostname.strip_prefix("*.")
    }
}

impl ServiceName {
    /// The name of the service `hostname`, in any case, in `namespace`.
    #[must_use]
    pub fn new(namespace: &str, hostname: &str) -> Self {
        Self {
            namespace: namespace.into(),
            hostname: hostname.trim_end_matches('.').to_ascii_lowercase().into(),
        }
    }

    /// Parses `namespace/hostname`.
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

    /// Whether the address is of an allowed family.
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
    // A name of another form matches no verifiable peer. It accepts nobody, but the service stays.
    (!names.is_empty()).then(|| names.iter().filter_map(|name| name.parse().ok()).collect())
}

#[cfg(test)]
mod tests;
