//! What outputs are computed from: the objects in force, and what they have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_resources::mesh::{MeshSpec, MtlsMode};
use karez_resources::namespace::Enrolment;
use karez_resources::pod::Pod;
use karez_resources::service::Service;
use karez_resources::{Key, Kind};

use crate::object::{NamespaceChoice, Object};
use crate::options::Options;
use crate::relations::{Lookup, Relations};

/// All objects, by key.
pub(crate) type Objects = BTreeMap<Arc<Key>, Object>;

/// A look at the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) options: &'a Options,
    pub(crate) mesh: &'a MeshSpec,
    pub(crate) objects: &'a Objects,
    pub(crate) relations: &'a Relations,
    /// The mesh is being uninstalled: no Pod is in it, and nobody is strict.
    pub(crate) uninstalling: bool,
}

impl<'a> View<'a> {
    pub(crate) fn object(self, key: &Key) -> Option<&'a Object> {
        self.objects.get(key)
    }

    pub(crate) fn pod(self, key: &Key) -> Option<&'a Pod> {
        self.object(key)?.pod()
    }

    pub(crate) fn service(self, key: &Key) -> Option<&'a Service> {
        self.object(key)?.service()
    }

    /// The objects that are found so, sorted.
    pub(crate) fn found_by(self, lookup: &Lookup) -> &'a [Arc<Key>] {
        self.relations.found_by(lookup)
    }

    /// The Pods of a namespace that have not ended.
    pub(crate) fn pods_of(self, namespace: &str) -> impl Iterator<Item = (&'a Arc<Key>, &'a Pod)> {
        let of_namespace = self.objects.range(Key::new(Kind::Pod, namespace, "")..);
        of_namespace
            .take_while(move |(key, _)| key.kind == Kind::Pod && key.namespace == namespace)
            .filter_map(|(key, object)| Some((key, object.pod()?)))
    }

    pub(crate) fn namespace(self, name: &str) -> Option<NamespaceChoice> {
        let key = Key::new(Kind::Namespace, "", name);
        self.object(&key)?.namespace(&key)
    }

    /// In the mesh. A Pod without a service account never is: it has no identity to prove.
    pub(crate) fn is_enrolled(self, pod: &Pod) -> bool {
        pod.service_account.is_some() && self.is_wanted(pod)
    }

    /// Labels want it in the mesh: its own, else its namespace's. A Pod in the node's network namespace never is wanted.
    pub(crate) fn is_wanted(self, pod: &Pod) -> bool {
        let by_namespace = || self.enrols(&pod.namespace);
        !self.uninstalling
            && !pod.host_network
            && pod.enrolment.map_or_else(by_namespace, |own| own == Enrolment::Enabled)
    }

    /// The namespace puts its Pods in the mesh.
    pub(crate) fn enrols(self, namespace: &str) -> bool {
        !self.uninstalling && self.namespace(namespace).is_some_and(|choice| choice.enrolled)
    }

    /// Ports on which strict mode admits peers without an identity: the Pod's own annotation, else its namespace's.
    pub(crate) fn permissive_ports(self, pod: &'a Pod) -> impl Iterator<Item = u16> {
        let of_namespace =
            || self.object(&Key::new(Kind::Namespace, "", &pod.namespace)).and_then(Object::permissive_ports);
        pod.permissive_ports.as_ref().or_else(of_namespace).into_iter().flatten().copied()
    }

    /// Plaintext is refused.
    pub(crate) fn is_strict(self, namespace: &str) -> bool {
        let own = self.namespace(namespace).and_then(|choice| choice.mtls);
        !self.uninstalling && own.unwrap_or(self.mesh.mtls) == MtlsMode::Strict
    }
}
