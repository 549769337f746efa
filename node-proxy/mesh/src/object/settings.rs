//! Settings of the mesh and of a namespace.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use karez_api::identity::Identity;
use karez_api::settings as wire;

use crate::rejected::{self, Reason};

/// The trust domain of workloads that name none, unless the mesh states another: Istio's default.
const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

/// Settings of the whole mesh. The defaults hold until the controller sends some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The mesh's trust domain. `None` until the controller sends settings; Istio's never does.
    pub stated_trust_domain: Option<Arc<str>>,
    /// The DNS domain of Kubernetes services, in lower case, without a trailing dot.
    pub cluster_domain: Arc<str>,
    /// How two enrolled Pods of a node connect, unless their namespaces choose otherwise.
    pub same_node: SameNode,
    /// Prefixes of the mesh's Pods and Services; may be empty.
    pub address_ranges: Vec<IpNet>,
    /// Whether peers must prove an identity, unless the destination's namespace chooses otherwise.
    pub mtls: Mtls,
}

/// Settings of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: Arc<str>,
    /// `None`: the mesh's choice.
    pub same_node: Option<SameNode>,
    /// The effective choice: the mesh's is already merged in.
    pub mtls: Mtls,
}

/// How two enrolled Pods of one node connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameNode {
    /// Through an mTLS tunnel, as between nodes.
    Tunnel,
    /// From socket to socket inside the node proxy.
    Direct,
}

/// Whether a peer must prove an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mtls {
    /// Plaintext is admitted, subject to policies.
    Permissive,
    /// Plaintext is refused.
    Strict,
}

impl Settings {
    pub(crate) fn read(wire: &wire::MeshSettings) -> Result<Self, Reason> {
        let default = Self::default();
        let address_ranges = wire.address_ranges.iter().map(|text| range(text));
        Ok(Self {
            stated_trust_domain: Some(match wire.trust_domain.as_str() {
                "" => DEFAULT_TRUST_DOMAIN.into(),
                name => trust_domain(name)?,
            }),
            cluster_domain: match wire.cluster_domain.trim_matches('.') {
                "" => default.cluster_domain,
                name => name.to_ascii_lowercase().into(),
            },
            same_node: same_node(wire.same_node)?.unwrap_or(default.same_node),
            address_ranges: address_ranges.collect::<Result<_, _>>()?,
            mtls: mtls(wire.strict),
        })
    }

    /// The trust domain of workloads that name none.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.stated_trust_domain.as_deref().unwrap_or(DEFAULT_TRUST_DOMAIN)
    }

    /// Whether the address is in the mesh's ranges.
    #[must_use]
    pub fn in_mesh_ranges(&self, address: IpAddr) -> bool {
        self.address_ranges.iter().any(|range| range.contains(&address))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stated_trust_domain: None,
            cluster_domain: "cluster.local".into(),
            same_node: SameNode::Tunnel,
            address_ranges: Vec::new(),
            mtls: Mtls::Permissive,
        }
    }
}

impl Namespace {
    pub(crate) fn read(wire: &wire::NamespaceSettings) -> Result<Self, Reason> {
        rejected::required("name", &wire.name)?;
        Ok(Self {
            name: wire.name.as_str().into(),
            same_node: same_node(wire.same_node)?,
            mtls: mtls(wire.strict),
        })
    }
}

fn trust_domain(name: &str) -> Result<Arc<str>, Reason> {
    // Only the trust domain can fail here.
    Identity::new(name, "default", "default")?;
    Ok(name.into())
}

fn range(text: &str) -> Result<IpNet, Reason> {
    let net: IpNet =
        text.parse().map_err(|_| Reason::Prefix { field: "address_ranges", text: text.to_owned() })?;
    Ok(net.trunc())
}

fn same_node(value: i32) -> Result<Option<SameNode>, Reason> {
    Ok(match rejected::known("same_node", value)? {
        wire::SameNode::Inherit => None,
        wire::SameNode::Tunnel => Some(SameNode::Tunnel),
        wire::SameNode::Direct => Some(SameNode::Direct),
    })
}

fn mtls(strict: bool) -> Mtls {
    if strict { Mtls::Strict } else { Mtls::Permissive }
}

#[cfg(test)]
mod tests;
