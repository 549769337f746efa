//! `Pod`: a workload.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as k8s;
use karez_api::names::annotation;

use crate::metadata::Metadata;
use crate::namespace::Enrolment;
use crate::problem::FieldError;
use crate::resource::{Kind, Labels};
use crate::syntax;
use crate::unsupported::{self, Unsupported};

/// What the mesh reads of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What its kubelet calls it: `metadata.uid`, except that a mirror Pod's is the annotation `kubernetes.io/config.hash`.
    /// A manifest may have none.
    pub uid: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// Its own label `karez.dev/mesh`, which overrules the namespace's.
    pub enrolment: Option<Enrolment>,
    /// Its service account. Only a mirror Pod has none: the API server fills it in for all others.
    pub service_account: Option<String>,
    /// The node that it is bound to, once it is.
    pub node: Option<String>,
    /// It shares the node's network namespace and addresses.
    pub host_network: bool,
    /// As `status.podIPs` lists them, `status.podIP` first.
    pub addresses: Vec<IpAddr>,
    /// Where it is in its life.
    pub phase: Phase,
    /// The condition `Ready`; absent means false.
    pub ready: bool,
    /// Its deletion has begun.
    pub deleting: bool,
    /// Its containers' TCP ports that have a name.
    pub named_ports: Vec<NamedPort>,
    /// The object that made it.
    pub controller: Option<Controller>,
    /// What it says and the mesh does not do.
    pub unsupported: Vec<Unsupported>,
    /// Its own annotation `karez.dev/permissive-ports`, which replaces the namespace's.
    pub permissive_ports: Option<BTreeSet<u16>>,
    /// Labels and annotations of the mesh's that hold an unknown word, which counts as the strictest.
    pub unknown_words: Vec<FieldError>,
}

/// The type of the condition that says that a Pod takes connections.
pub(crate) const READY: &str = "Ready";

/// A Pod's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the phase of its name")]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

/// A container's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPort {
    /// Its name.
    pub name: String,
    /// Its number.
    pub port: u16,
}

/// The object that made a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Such as `ReplicaSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl Pod {
    /// It runs, or is going to: neither `Succeeded` nor `Failed`.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// It answers connections, though it may be about to end.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.phase == Phase::Running && self.ready
    }

    /// The number of a named TCP port.
    #[must_use]
    pub fn port_named(&self, name: &str) -> Option<u16> {
        self.named_ports.iter().find(|port| port.name == name).map(|port| port.port)
    }
}

/// As the API has it: without a phase a Pod is Pending, and without the condition `Ready` it is not ready.
impl TryFrom<k8s::Pod> for Pod {
    type Error = FieldError;

    fn try_from(object: k8s::Pod) -> Result<Self, FieldError> {
        let unsupported = unsupported::of_pod(&object);
        let meta = Metadata::read(Kind::Pod, object.metadata)?;
        let spec = object.spec.unwrap_or_default();
        let status = object.status.unwrap_or_default();
        let service_account = service_account(&spec)?;
        let mut unknown = Vec::new();
        Ok(Self {
            uid: uid(&meta, service_account.as_ref()),
            enrolment: Enrolment::of(&meta, &mut unknown),
            permissive_ports: meta.permissive_ports(&mut unknown),
            unknown_words: unknown,
            service_account,
            host_network: spec.host_network.unwrap_or(false),
            addresses: addresses(&status)?,
            phase: phase(status.phase.as_deref())?,
            ready: status
                .conditions
                .unwrap_or_default()
                .iter()
                .find(|condition| condition.type_ == READY)
                .is_some_and(|condition| condition.status == "True"),
            named_ports: named_ports(&spec)?,
            unsupported,
            node: spec.node_name.filter(|node| !node.is_empty()),
            controller: meta.controller.map(|owner| Controller { kind: owner.kind, name: owner.name }),
            deleting: meta.deleting,
            namespace: meta.namespace,
            name: meta.name,
            labels: meta.labels,
        })
    }
}

/// A kubelet makes up the uids of static Pods: MD5 sums. They are believed of mirror Pods alone, which have no service account
/// and so no identity: who creates other Pods writes their annotations, and must not give one the uid of another.
fn uid(meta: &Metadata, service_account: Option<&String>) -> Option<String> {
    const HASH_LENGTH: usize = 32;
    let written = |key: &str| meta.annotations.get(key);
    let is_hash = |hash: &&String| {
        let is_digest = hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest && written(annotation::MIRROR) == Some(*hash) && service_account.is_none()
    };
    let hash = written(annotation::STATIC_POD_UID).filter(is_hash);
    hash.or(meta.uid.as_ref()).cloned()
}

/// Absent is none, and never `default`: a kubelet may create mirror Pods in any namespace, and would choose an identity so.
fn service_account(spec: &k8s::PodSpec) -> Result<Option<String>, FieldError> {
    let Some(name) = written_service_account(spec) else { return Ok(None) };
    syntax::subdomain(name).map_err(|message| FieldError::new("spec.serviceAccountName", message))?;
    Ok(Some(name.clone()))
}

pub(crate) fn written_service_account(spec: &k8s::PodSpec) -> Option<&String> {
    // `serviceAccount` is the field's older name, which the API server still fills in.
    let written = [&spec.service_account_name, &spec.service_account];
    written.into_iter().flatten().find(|name| !name.is_empty())
}

fn addresses(status: &k8s::PodStatus) -> Result<Vec<IpAddr>, FieldError> {
    let mut addresses = Vec::new();
    let first = status.pod_ip.iter().map(|ip| ("status.podIP".to_owned(), ip));
    let all = status.pod_ips.iter().flatten().enumerate();
    let all = all.map(|(at, ip)| (format!("status.podIPs[{at}].ip"), &ip.ip));
    for (field, text) in first.chain(all).filter(|(_, text)| !text.is_empty()) {
        let address = address(&field, text)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// An IP address that another host can dial.
pub(crate) fn address(field: &str, text: &str) -> Result<IpAddr, FieldError> {
    let address: IpAddr =
        text.parse().map_err(|_| FieldError::new(field, format!("{text:?} is not an IP address")))?;
    // One address in two forms would be two, and each could be claimed.
    let address = address.to_canonical();
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(FieldError::new(field, format!("{address} is not an address that others can dial")));
    }
    Ok(address)
}

fn phase(text: Option<&str>) -> Result<Phase, FieldError> {
    match text {
        None | Some("" | "Pending") => Ok(Phase::Pending),
        Some("Running") => Ok(Phase::Running),
        Some("Succeeded") => Ok(Phase::Succeeded),
        Some("Failed") => Ok(Phase::Failed),
        Some("Unknown") => Ok(Phase::Unknown),
        Some(other) => Err(FieldError::new("status.phase", format!("{other:?} is not a Pod's phase"))),
    }
}

/// Those of the containers come before those of native sidecars, as Kubernetes finds them. Other init containers are gone by
/// the time that the Pod serves.
fn named_ports(spec: &k8s::PodSpec) -> Result<Vec<NamedPort>, FieldError> {
    let containers = spec.containers.iter().enumerate();
    let containers = containers.map(|(at, container)| (format!("spec.containers[{at}]"), container));
    let init = spec.init_containers.iter().flatten().enumerate();
    let sidecars = init
        .filter(|(_, container)| container.restart_policy.as_deref() == Some("Always"))
        .map(|(at, container)| (format!("spec.initContainers[{at}]"), container));
    let mut named = Vec::new();
    for (place, container) in containers.chain(sidecars) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let field = |name: &str| format!("{place}.ports[{index}].{name}");
            let number = port_number(&field("containerPort"), port.container_port.into())?;
            let is_tcp = is_tcp(&field("protocol"), port.protocol.as_deref())?;
            if let Some(name) = port.name.clone().filter(|_| is_tcp) {
                named.push(NamedPort { name, port: number });
            }
        }
    }
    Ok(named)
}

/// A port that can be dialled.
pub(crate) fn port_number(field: &str, number: i64) -> Result<u16, FieldError> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(FieldError::new(field, format!("{number} is not a port: 1 to 65535"))),
    }
}

/// The mesh carries TCP; absent means TCP.
pub(crate) fn is_tcp(field: &str, protocol: Option<&str>) -> Result<bool, FieldError> {
    match protocol {
        None | Some("" | "TCP") => Ok(true),
        Some("UDP" | "SCTP") => Ok(false),
        Some(other) => Err(FieldError::new(field, format!("{other:?} is not one of: TCP, UDP, SCTP"))),
    }
}

#[cfg(test)]
mod tests;
