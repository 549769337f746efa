//! One object as the index knows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use karez_resources::endpoint_slice::EndpointSlice;
use karez_resources::mesh::{MeshSpec, MtlsMode, SameNode};
use karez_resources::namespace::{Enrolment, Namespace};
use karez_resources::node::Node;
use karez_resources::pod::Pod;
use karez_resources::policy::{PolicyResource, Selector};
use karez_resources::resource::Labels;
use karez_resources::service::Service;
use karez_resources::service_cidr::ServiceCidr;
use karez_resources::{FieldError, Key, Kind, Resource};

use crate::delta::{Broken, Delta};

/// What is known of one object; nothing of one that is not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object {
    /// The last good version.
    good: Option<Arc<Resource>>,
    /// Why the present version is not it.
    pub(crate) broken: Option<Box<Broken>>,
    /// The file that holds it, if one does.
    pub(crate) file: Option<Arc<str>>,
}

/// A policy in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Policy<'a> {
    Good(&'a PolicyResource),
    /// It never had a good version: it refuses all that it covers.
    Unreadable(&'a Broken),
}

/// What a namespace says, where it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NamespaceChoice {
    pub(crate) enrolled: bool,
    pub(crate) mtls: Option<MtlsMode>,
    pub(crate) same_node: Option<SameNode>,
}

impl Object {
    /// The object once the delta has been taken in.
    pub(crate) fn after(&self, delta: Delta) -> Self {
        match delta {
            Delta::Set { resource, file } => Self { good: Some(resource), broken: None, file },
            Delta::Unreadable { broken, file, .. } => {
                let good = self.good.clone().or_else(|| broken.last_good.clone());
                Self { good, broken: Some(broken), file }
            }
            Delta::Gone(_) => Self::default(),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.good.is_none() && self.broken.is_none()
    }

    pub(crate) fn has_good_version(&self) -> bool {
        self.good.is_some()
    }

    /// A Pod that runs or will; one that has ended is out of the mesh.
    pub(crate) fn pod(&self) -> Option<&Pod> {
        match self.good.as_deref() {
            Some(Resource::Pod(pod)) if pod.is_live() => Some(pod),
            _ => None,
        }
    }

    /// Fields with an unknown word, which counts as the strictest; none of a Pod that has ended.
    pub(crate) fn unknown_words(&self) -> &[FieldError] {
        match self.good.as_deref() {
            Some(Resource::Namespace(namespace)) => &namespace.unknown_words,
            Some(Resource::Pod(pod)) if pod.is_live() => &pod.unknown_words,
            _ => &[],
        }
    }

    /// A Service that is more than an alias in DNS, which has no address and no endpoint.
    pub(crate) fn service(&self) -> Option<&Service> {
        self.any_service().filter(|service| !service.external_name)
    }

    /// A Service, aliases in DNS included.
    pub(crate) fn any_service(&self) -> Option<&Service> {
        match self.good.as_deref() {
            Some(Resource::Service(service)) => Some(service),
            _ => None,
        }
    }

    pub(crate) fn slice(&self) -> Option<&EndpointSlice> {
        match self.good.as_deref() {
            Some(Resource::EndpointSlice(slice)) => Some(slice),
            _ => None,
        }
    }

    pub(crate) fn node(&self) -> Option<&Node> {
        match self.good.as_deref() {
            Some(Resource::Node(node)) => Some(node),
            _ => None,
        }
    }

    pub(crate) fn service_cidr(&self) -> Option<&ServiceCidr> {
        match self.good.as_deref() {
            Some(Resource::ServiceCidr(cidr)) => Some(cidr),
            _ => None,
        }
    }

    /// A policy; `key` names the object.
    pub(crate) fn policy(&self, key: &Key) -> Option<Policy<'_>> {
        match (self.good.as_deref(), self.broken.as_deref(), key.kind) {
            (Some(Resource::AuthorizationPolicy(policy)), _, _) => Some(Policy::Good(policy)),
            (None, Some(broken), Kind::AuthorizationPolicy) => Some(Policy::Unreadable(broken)),
            _ => None,
        }
    }

    /// What a Namespace says; `key` names the object.
    pub(crate) fn namespace(&self, key: &Key) -> Option<NamespaceChoice> {
        match (self.good.as_deref(), self.broken.as_deref(), key.kind) {
            (Some(Resource::Namespace(namespace)), _, _) => Some(NamespaceChoice::said_by(namespace)),
            (None, Some(_), Kind::Namespace) => Some(NamespaceChoice::UNREADABLE),
            _ => None,
        }
    }

    /// What a Namespace says of its Pods' permissive ports.
    pub(crate) fn permissive_ports(&self) -> Option<&BTreeSet<u16>> {
        match self.good.as_deref() {
            Some(Resource::Namespace(namespace)) => namespace.permissive_ports.as_ref(),
            _ => None,
        }
    }

    /// The mesh's settings, where this is the Mesh or what stands for it.
    pub(crate) fn mesh(&self) -> MeshSpec {
        match (self.good.as_deref(), self.broken.as_deref()) {
            (Some(Resource::Mesh(mesh)), _) => mesh.spec.clone(),
            (None, Some(_)) => MeshSpec { mtls: MtlsMode::Strict, ..MeshSpec::default() },
            _ => MeshSpec::default(),
        }
    }
}

impl<'a> Policy<'a> {
    /// The labels of the Pods that it covers; none where it covers its namespace.
    pub(crate) fn selector(self) -> Option<&'a Selector> {
        let selector = match self {
            Self::Good(policy) => policy.spec.selector.as_ref(),
            Self::Unreadable(broken) => broken.selector.as_ref(),
        };
        selector.filter(|selector| !selector.is_everything())
    }

    /// Whether it names Pods with these labels; one that covers its namespace names none.
    pub(crate) fn selects(self, labels: &Labels) -> bool {
        self.selector().is_some_and(|selector| selector.matches(labels))
    }
}

impl NamespaceChoice {
    /// A namespace that never could be read: its Pods are spoken to through tunnels only, and refuse plaintext.
    const UNREADABLE: Self =
        Self { enrolled: true, mtls: Some(MtlsMode::Strict), same_node: Some(SameNode::Tunnel) };

    fn said_by(namespace: &Namespace) -> Self {
        Self {
            enrolled: namespace.enrolment == Some(Enrolment::Enabled),
            mtls: namespace.mtls,
            same_node: namespace.same_node,
        }
    }
}
