//! The two sides of a connection, in the terms of Istio's labels.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use karez_api::identity::Identity;

/// One connection, as metrics and access log describe it.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The side that reports.
    pub direction: Direction,
    /// The client.
    pub source: FlowSide,
    /// The server, at the address that this proxy dials.
    pub destination: FlowSide,
    /// The authority of a tunnel's CONNECT, `ip:port` or `host:port`.
    pub authority: Option<Arc<str>>,
    /// The dialled service, if any.
    pub service: Option<Arc<Service>>,
    /// Whether both sides proved their identity.
    pub security: Security,
}

/// The reporting side, in the label `reporter` and the log field `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The source's proxy reports.
    Outbound,
    /// The destination's proxy reports.
    Inbound,
}

/// The label `connection_security_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Security {
    /// Both sides showed a certificate of the mesh.
    MutualTls,
    /// The peer proved no identity.
    Unknown,
}

/// One side of a connection.
#[derive(Debug, Clone)]
pub struct FlowSide {
    /// Its address.
    pub address: SocketAddr,
    /// Name of the Pod. Only for the log: as a label it would make a series for every Pod.
    pub name: Option<Arc<str>>,
    /// The workload that the side belongs to.
    pub endpoint: Arc<Endpoint>,
}

/// A workload's names in telemetry. `None` and empty names read `unknown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Name of the Deployment, or of the Pod's other controller.
    pub workload: Option<Arc<str>>,
    /// Kubernetes namespace.
    pub namespace: Option<Arc<str>>,
    /// Its SPIFFE id.
    pub principal: Option<Identity>,
    /// Canonical service.
    pub canonical_service: Option<Arc<str>>,
    /// Canonical revision.
    pub canonical_revision: Option<Arc<str>>,
    /// Label `app`.
    pub app: Option<Arc<str>>,
    /// Label `version`.
    pub version: Option<Arc<str>>,
    /// Cluster id.
    pub cluster: Option<Arc<str>>,
    /// Where it runs.
    pub locality: Locality,
}

/// Where a workload runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locality {
    /// Region.
    pub region: Option<Arc<str>>,
    /// Zone.
    pub zone: Option<Arc<str>>,
}

/// A service, as a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// Such as `reviews.shop.svc.cluster.local`.
    pub hostname: Arc<str>,
    /// Such as `reviews`.
    pub name: Arc<str>,
    /// Such as `shop`.
    pub namespace: Arc<str>,
}

impl Direction {
    /// The label `reporter`.
    #[must_use]
    pub fn reporter(self) -> &'static str {
        match self {
            Self::Outbound => "source",
            Self::Inbound => "destination",
        }
    }

    /// The log field `direction`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
}

impl Security {
    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MutualTls => "mutual_tls",
            Self::Unknown => "unknown",
        }
    }
}

impl FlowSide {
    /// A side known only by its address.
    #[must_use]
    pub fn unknown(address: SocketAddr) -> Self {
        // Most sides become known a moment later.
        static NOTHING: LazyLock<Arc<Endpoint>> = LazyLock::new(Arc::default);
        Self { address, name: None, endpoint: Arc::clone(&NOTHING) }
    }
}

impl Flow {
    /// A connection known only by its addresses.
    #[must_use]
    pub fn unknown(direction: Direction, source: SocketAddr, destination: SocketAddr) -> Self {
        Self {
            direction,
            source: FlowSide::unknown(source),
            destination: FlowSide::unknown(destination),
            authority: None,
            service: None,
            security: Security::Unknown,
        }
    }
}
