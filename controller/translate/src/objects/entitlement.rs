//! Which identities a node may have certificates of.

use karez_api::identity::Identity;
use karez_resources::pod::Pod;
use karez_resources::{Key, Kind, Resource};

use super::Objects;
use crate::view::{NamespaceChoice, is_enrolled};

/// Whether a node may have certificates of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entitlement {
    /// It runs a live Pod of the identity that is to be in the mesh. One that is Pending and has no address yet counts: its
    /// certificate is wanted before its first process starts.
    Entitled,
    /// It runs such Pods, and their labels keep them out of the mesh.
    OutsideMesh {
        /// `NAMESPACE/NAME` of one.
        pod: String,
    },
    /// It runs no live Pod of the identity.
    NoPod,
}

impl Objects {
    /// Whether a node may have certificates of an identity.
    #[must_use]
    pub fn entitlement(&self, identity: &Identity, node: &str) -> Entitlement {
        if self.mesh().trust_domain() != identity.trust_domain() {
            return Entitlement::NoPod;
        }
        let choice = self.namespace_choice(identity.namespace());
        let mut entitlement = Entitlement::NoPod;
        for pod in self.counting_pods(|pod| has_identity(pod, identity) && runs_on(pod, node)) {
            if is_enrolled(pod, choice) {
                return Entitlement::Entitled;
            }
            entitlement = Entitlement::OutsideMesh { pod: format!("{}/{}", pod.namespace, pod.name) };
        }
        entitlement
    }

    fn namespace_choice(&self, namespace: &str) -> Option<NamespaceChoice> {
        NamespaceChoice::of(self.entry(&Key::new(Kind::Namespace, "", namespace))?)
    }

    /// The Pods that count and are wanted.
    fn counting_pods(&self, wanted: impl Fn(&Pod) -> bool) -> impl Iterator<Item = &Pod> {
        let pods = self.sources.values().flat_map(|source| source.entries_of(Kind::Pod));
        pods.filter_map(move |(key, entry)| match entry.good.as_deref() {
            Some(Resource::Pod(pod)) => {
                // Whether it counts takes a look into every file, so that is asked last.
                let counts = || self.entry(key).is_some_and(|counts| std::ptr::eq(counts, entry));
                (wanted(pod) && counts()).then_some(pod)
            }
            _ => None,
        })
    }
}

fn has_identity(pod: &Pod, identity: &Identity) -> bool {
    pod.namespace == identity.namespace() && pod.service_account == identity.service_account()
}

fn runs_on(pod: &Pod, node: &str) -> bool {
    pod.is_live() && pod.node.as_deref() == Some(node)
}
