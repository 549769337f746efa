//! What an agent subscribes to: the Pods of its node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::discovery::Resource;
use karez_api::names::type_url;
use karez_api::node as wire;
use prost::Message as _;
use tokio::sync::watch;

use crate::discovery::kind::ResourceKind;
use crate::discovery::store::{Sink, Status, Store, Synced};

/// A Pod of the agent's node, as the controller tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPod {
    /// `metadata.uid`, or a static Pod's own.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    pub service_account: String,
    /// Its addresses; none until the API server knows them.
    pub addresses: Vec<IpAddr>,
    /// What it is to the mesh.
    pub membership: Membership,
}

/// What a Pod is to the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Its traffic is to be captured.
    Enrolled,
    /// It is left alone.
    NotEnrolled,
    /// It carries others' traffic, and is never enrolled itself.
    NodeProxy,
}

/// The Pods of a node by uid.
pub type LocalPods = BTreeMap<String, LocalPod>;

/// The Pods of a node, kept current. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalPodsView {
    /// The Pods.
    pub pods: watch::Receiver<Arc<LocalPods>>,
    /// Whether they are all that there are. Before, one that is missing may well be there.
    pub synced: watch::Receiver<Synced>,
    /// The state of discovery.
    pub status: watch::Receiver<Status>,
}

/// The only writer of a node's Pods.
#[derive(Debug)]
pub struct LocalPodsSink {
    next: LocalPods,
    pods: watch::Sender<Arc<LocalPods>>,
}

/// The one type that an agent asks for. Only Karez's controllers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalPodKind;

impl ResourceKind for LocalPodKind {
    const FIRST: &'static [Self] = &[Self];
    const PROMISED: &'static [Self] = &[];

    fn type_url(self) -> &'static str {
        type_url::LOCAL_POD
    }
}

impl Store<LocalPodsSink> {
    /// No Pods yet, and the view of them.
    #[must_use]
    pub fn local_pods() -> (Self, LocalPodsView) {
        let (pods, pods_view) = watch::channel(Arc::default());
        let (store, synced, status) = Self::of(LocalPodsSink { next: LocalPods::new(), pods });
        (store, LocalPodsView { pods: pods_view, synced, status })
    }
}

impl Sink for LocalPodsSink {
    type Kind = LocalPodKind;

    fn update(&mut self, _kind: LocalPodKind, resource: Resource) -> Result<(), String> {
        let pod = decode(&resource).map_err(|error| error.to_string())?;
        self.next.insert(pod.uid.clone(), pod);
        Ok(())
    }

    fn remove(&mut self, _kind: LocalPodKind, name: String) -> Result<(), String> {
        self.next.remove(uid_in(&name));
        Ok(())
    }

    fn publish(&self) {
        self.pods.send_replace(Arc::new(self.next.clone()));
    }
}

/// Why a resource is no Pod.
#[derive(Debug, thiserror::Error)]
enum InvalidLocalPod {
    #[error("the resource is empty")]
    Empty,
    #[error("not a message of its type: {0}")]
    Message(#[from] prost::DecodeError),
    #[error("the resource's name does not end in the Pod's uid {0:?}")]
    Uid(String),
    #[error("an address of {0} octets")]
    Address(usize),
}

fn decode(resource: &Resource) -> Result<LocalPod, InvalidLocalPod> {
    let any = resource.resource.as_ref().ok_or(InvalidLocalPod::Empty)?;
    let pod = wire::LocalPod::decode(any.value.as_slice())?;
    if pod.uid.is_empty() || uid_in(&resource.name) != pod.uid {
        return Err(InvalidLocalPod::Uid(pod.uid));
    }
    let addresses = pod.addresses.iter().map(|octets| address(octets)).collect::<Result<_, _>>()?;
    let membership = match (pod.node_proxy, pod.enrolled) {
        (true, _) => Membership::NodeProxy,
        (false, true) => Membership::Enrolled,
        (false, false) => Membership::NotEnrolled,
    };
    let wire::LocalPod { uid, namespace, name, service_account, .. } = pod;
    Ok(LocalPod { uid, namespace, name, service_account, addresses, membership })
}

/// Resources are named `NODE/UID`.
fn uid_in(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_node, uid)| uid)
}

fn address(octets: &[u8]) -> Result<IpAddr, InvalidLocalPod> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| InvalidLocalPod::Address(octets.len()))
}

#[cfg(test)]
mod tests;
