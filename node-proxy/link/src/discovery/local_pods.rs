//! What an agent subscribes to: the Pods of its node, and the namespaces that are in the mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::discovery::Resource;
use karez_api::names::type_url;
use karez_api::node as wire;
use karez_api::settings::NamespaceSettings;
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

/// The names of the namespaces that are in the mesh, whether or not the node has a Pod of theirs.
pub type EnrolledNamespaces = BTreeSet<String>;

/// The Pods of a node and the namespaces in the mesh, kept current. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalPodsView {
    /// The Pods.
    pub pods: watch::Receiver<Arc<LocalPods>>,
    /// The namespaces in the mesh.
    pub namespaces: watch::Receiver<Arc<EnrolledNamespaces>>,
    /// Whether they are all that there are. Before, what is missing may well be there.
    pub synced: watch::Receiver<Synced>,
    /// The state of discovery.
    pub status: watch::Receiver<Status>,
}

/// The only writer of what an agent knows.
#[derive(Debug)]
pub struct LocalPodsSink {
    next_pods: LocalPods,
    pods: watch::Sender<Arc<LocalPods>>,
    next_namespaces: EnrolledNamespaces,
    namespaces: watch::Sender<Arc<EnrolledNamespaces>>,
}

/// The types that an agent asks for. Only Karez's controllers know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalKind {
    /// Pods of the node.
    Pod,
    /// Namespaces of the cluster.
    Namespace,
}

impl ResourceKind for LocalKind {
    const FIRST: &'static [Self] = &[Self::Pod, Self::Namespace];
    const PROMISED: &'static [Self] = &[];

    fn type_url(self) -> &'static str {
        match self {
            Self::Pod => type_url::LOCAL_POD,
            Self::Namespace => type_url::NAMESPACE,
        }
    }
}

impl Store<LocalPodsSink> {
    /// Nothing yet, and the view of it.
    #[must_use]
    pub fn local_pods() -> (Self, LocalPodsView) {
        let (pods, pods_view) = watch::channel(Arc::default());
        let (namespaces, namespaces_view) = watch::channel(Arc::default());
        let (next_pods, next_namespaces) = (LocalPods::new(), EnrolledNamespaces::new());
        let (store, synced, status) =
            Self::of(LocalPodsSink { next_pods, pods, next_namespaces, namespaces });
        (store, LocalPodsView { pods: pods_view, namespaces: namespaces_view, synced, status })
    }
}

impl Sink for LocalPodsSink {
    type Kind = LocalKind;

    fn update(&mut self, kind: LocalKind, resource: Resource) -> Result<(), String> {
        self.take(kind, resource).map_err(|error| error.to_string())
    }

    fn remove(&mut self, kind: LocalKind, name: String) -> Result<(), String> {
        match kind {
            LocalKind::Pod => {
                self.next_pods.remove(uid_in(&name));
            }
            LocalKind::Namespace => {
                self.next_namespaces.remove(&name);
            }
        }
        Ok(())
    }

    fn publish(&self) {
        self.pods.send_replace(Arc::new(self.next_pods.clone()));
        self.namespaces.send_if_modified(|namespaces| {
            let is_news = **namespaces != self.next_namespaces;
            if is_news {
                *namespaces = Arc::new(self.next_namespaces.clone());
            }
            is_news
        });
    }
}

impl LocalPodsSink {
    fn take(&mut self, kind: LocalKind, resource: Resource) -> Result<(), InvalidResource> {
        match kind {
            LocalKind::Pod => {
                let pod = pod(&resource)?;
                self.next_pods.insert(pod.uid.clone(), pod);
            }
            LocalKind::Namespace => {
                if is_enrolled(&resource)? {
                    self.next_namespaces.insert(resource.name);
                } else {
                    self.next_namespaces.remove(&resource.name);
                }
            }
        }
        Ok(())
    }
}

/// Why a resource is not of its type.
#[derive(Debug, thiserror::Error)]
enum InvalidResource {
    #[error("the resource is empty")]
    Empty,
    #[error("not a message of its type: {0}")]
    Message(#[from] prost::DecodeError),
    #[error("the resource's name does not end in the Pod's uid {0:?}")]
    Uid(String),
    #[error("the resource's name is not the namespace's {0:?}")]
    Namespace(String),
    #[error("an address of {0} octets")]
    Address(usize),
}

fn decode<M: prost::Message + Default>(resource: &Resource) -> Result<M, InvalidResource> {
    let any = resource.resource.as_ref().ok_or(InvalidResource::Empty)?;
    Ok(M::decode(any.value.as_slice())?)
}

fn is_enrolled(resource: &Resource) -> Result<bool, InvalidResource> {
    let namespace: NamespaceSettings = decode(resource)?;
    if namespace.name.is_empty() || namespace.name != resource.name {
        return Err(InvalidResource::Namespace(namespace.name));
    }
    Ok(namespace.enrolled)
}

fn pod(resource: &Resource) -> Result<LocalPod, InvalidResource> {
    let pod: wire::LocalPod = decode(resource)?;
    if pod.uid.is_empty() || uid_in(&resource.name) != pod.uid {
        return Err(InvalidResource::Uid(pod.uid));
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

fn address(octets: &[u8]) -> Result<IpAddr, InvalidResource> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| InvalidResource::Address(octets.len()))
}

#[cfg(test)]
mod tests;
