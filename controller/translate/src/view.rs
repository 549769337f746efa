//! The objects that count, sorted by kind, for one translation.

use std::collections::{BTreeMap, BTreeSet};

use karez_resources::endpoint_slice::EndpointSlice;
use karez_resources::manifest::Broken;
use karez_resources::mesh::{MeshSpec, MtlsMode, SameNode};
use karez_resources::namespace::{Enrolment, Namespace};
use karez_resources::pod::Pod;
use karez_resources::policy::PolicyResource;
use karez_resources::service::Service;
use karez_resources::{Key, Kind, Resource};

use crate::objects::{Entry, Objects};

/// The objects of one translation.
#[derive(Debug, Default)]
pub(crate) struct View<'a> {
    pub(crate) mesh: MeshSpec,
    pub(crate) namespaces: BTreeMap<&'a str, NamespaceChoice>,
    /// Those that run or will; by namespace and name.
    pub(crate) pods: BTreeMap<(&'a str, &'a str), &'a Pod>,
    pub(crate) services: Vec<&'a Service>,
    pub(crate) slices: Vec<&'a EndpointSlice>,
    pub(crate) policies: Vec<&'a PolicyResource>,
    /// Policies that never had a good version.
    pub(crate) unreadable_policies: Vec<(&'a Key, &'a Broken)>,
}

/// What a namespace says, where it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NamespaceChoice {
    pub(crate) enrolled: bool,
    pub(crate) mtls: Option<MtlsMode>,
    pub(crate) same_node: Option<SameNode>,
}

impl NamespaceChoice {
    /// A namespace that never could be read: its Pods are spoken to through tunnels only, and refuse plaintext.
    const UNREADABLE: Self =
        Self { enrolled: true, mtls: Some(MtlsMode::Strict), same_node: Some(SameNode::Tunnel) };

    /// What the Namespace of this entry says, if it is one.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        match (entry.good.as_deref(), &entry.broken) {
            (Some(Resource::Namespace(namespace)), _) => Some(Self::said_by(namespace)),
            (Some(_), _) | (None, None) => None,
            (None, Some(_)) => Some(Self::UNREADABLE),
        }
    }

    fn said_by(namespace: &Namespace) -> Self {
        Self {
            enrolled: namespace.enrolment == Some(Enrolment::Enabled),
            mtls: namespace.mtls,
            same_node: namespace.same_node,
        }
    }
}

/// In the mesh: by its own label, else by its namespace's. A Pod in the node's network namespace never is.
pub(crate) fn is_enrolled(pod: &Pod, namespace: Option<NamespaceChoice>) -> bool {
    let by_namespace = || namespace.is_some_and(|choice| choice.enrolled);
    !pod.host_network && pod.enrolment.map_or_else(by_namespace, |own| own == Enrolment::Enabled)
}

impl<'a> View<'a> {
    pub(crate) fn of(objects: &'a Objects) -> Self {
        let mut view = View { mesh: objects.mesh(), ..View::default() };
        for (key, (_, entry)) in objects.entries() {
            view.add(key, entry);
        }
        view
    }

    fn add(&mut self, key: &'a Key, entry: &'a Entry) {
        if key.kind == Kind::Namespace {
            self.namespaces.extend(NamespaceChoice::of(entry).map(|choice| (key.name.as_str(), choice)));
            return;
        }
        match (entry.good.as_deref(), &entry.broken) {
            (Some(Resource::Pod(pod)), _) if pod.is_live() => {
                self.pods.insert((&pod.namespace, &pod.name), pod);
            }
            (Some(Resource::Service(service)), _) => self.services.push(service),
            (Some(Resource::EndpointSlice(slice)), _) => self.slices.push(slice),
            (Some(Resource::AuthorizationPolicy(policy)), _) => self.policies.push(policy),
            // A finished Pod is out of the mesh; a service account is its Pods' business, the rest was read before.
            (
                Some(
                    Resource::Pod(_)
                    | Resource::ServiceAccount(_)
                    | Resource::Mesh(_)
                    | Resource::Namespace(_),
                ),
                _,
            ) => {}
            (None, Some(broken)) => self.add_unreadable(key, broken),
            (None, None) => {}
        }
    }

    fn add_unreadable(&mut self, key: &'a Key, broken: &'a Broken) {
        match key.kind {
            Kind::Mesh => self.mesh.mtls = MtlsMode::Strict,
            Kind::AuthorizationPolicy => self.unreadable_policies.push((key, broken)),
            Kind::Namespace | Kind::ServiceAccount | Kind::Pod | Kind::Service | Kind::EndpointSlice => {}
        }
    }

    /// In the mesh.
    pub(crate) fn is_enrolled(&self, pod: &Pod) -> bool {
        is_enrolled(pod, self.namespaces.get(pod.namespace.as_str()).copied())
    }

    /// Plaintext is refused.
    pub(crate) fn is_strict(&self, namespace: &str) -> bool {
        let own = self.namespaces.get(namespace).and_then(|choice| choice.mtls);
        own.unwrap_or(self.mesh.mtls) == MtlsMode::Strict
    }

    /// Every namespace that an object names or is.
    pub(crate) fn namespace_names(&self) -> BTreeSet<&'a str> {
        let of_pods = self.pods.keys().map(|(namespace, _)| *namespace);
        self.namespaces.keys().copied().chain(of_pods).collect()
    }
}
