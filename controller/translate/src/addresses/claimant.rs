//! Who claims an address.

use std::fmt;

use karez_resources::pod::Pod;
use karez_resources::service::Service;
use karez_resources::{Key, Kind};

use crate::view::View;

/// An object that claims an address.
#[derive(Debug, Clone, Copy)]
pub(super) enum Claimant<'a> {
    /// A Pod with a network namespace of its own.
    Pod { pod: &'a Pod, enrolled: bool },
    /// A Pod in its node's network namespace: the address is the node's.
    Node(&'a Pod),
    /// A Service.
    Service(&'a Service),
}

/// Claims of one party do not conflict; those of two do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Party<'a> {
    /// A namespace's Pods that are reached in the same way.
    Pods { namespace: &'a str, enrolled: bool },
    /// Whoever runs the node.
    Node,
    /// A namespace's Services.
    Services { namespace: &'a str },
}

impl<'a> Claimant<'a> {
    pub(super) fn of_pod(view: View<'_>, pod: &'a Pod) -> Self {
        match pod.host_network {
            true => Self::Node(pod),
            false => Self::Pod { pod, enrolled: view.is_enrolled(pod) },
        }
    }

    pub(super) fn party(&self) -> Party<'a> {
        match *self {
            Self::Pod { pod, enrolled } => Party::Pods { namespace: &pod.namespace, enrolled },
            Self::Node(_) => Party::Node,
            Self::Service(service) => Party::Services { namespace: &service.namespace },
        }
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Pod { pod, .. } | Self::Node(pod) => Key::new(Kind::Pod, &pod.namespace, &pod.name),
            Self::Service(service) => Key::new(Kind::Service, &service.namespace, &service.name),
        }
    }

    /// The field that makes the claim.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::Pod { .. } | Self::Node(_) => "status.podIPs",
            Self::Service(_) => "spec.clusterIPs",
        }
    }

    pub(super) fn is_pod(&self, wanted: &Pod) -> bool {
        match self {
            Self::Pod { pod, .. } | Self::Node(pod) => {
                pod.namespace == wanted.namespace && pod.name == wanted.name
            }
            Self::Service(_) => false,
        }
    }

    pub(super) fn is_service(&self) -> bool {
        matches!(self, Self::Service(_))
    }

    pub(super) fn shares_node(&self) -> bool {
        matches!(self, Self::Node(_))
    }

    /// Whoever is sent something has to prove an identity first.
    pub(super) fn proves_identity(&self) -> bool {
        matches!(self, Self::Pod { enrolled: true, .. })
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self, Self::Pod { pod, .. } if pod.deleting)
    }

    pub(super) fn is_pod_to_stay(&self) -> bool {
        matches!(self, Self::Pod { pod, .. } if !pod.deleting)
    }
}

/// `Pod NAMESPACE/NAME`.
impl fmt::Display for Claimant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { kind, namespace, name } = self.key();
        write!(f, "{kind} {namespace}/{name}")
    }
}
