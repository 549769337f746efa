//! Which Pods there are, and whether another may be. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use karez_handover::pod::{EnrolledPod, NamespaceId, PodReference, PodUid};

/// A Pod by its Kubernetes namespace and name: of one such there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    /// The Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The name in it.
    pub name: Arc<str>,
}

/// The names that are taken, and by what.
#[derive(Debug, Default)]
pub struct Registry {
    pods: BTreeMap<PodName, PodReference>,
}

/// Why a Pod cannot be enrolled beside those that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Its network namespace is another Pod's, or the same Pod's under another uid.
    #[error(
        "network namespace {sandbox} is enrolled already, as Pod {pod} with uid {uid}: remove that one first"
    )]
    Sandbox {
        /// The namespace.
        sandbox: NamespaceId,
        /// Whose it is.
        pod: PodName,
        /// Under which uid.
        uid: PodUid,
    },
    /// Its uid is another Pod's.
    #[error("uid {uid} is enrolled already, as Pod {pod}: remove that one first")]
    Uid {
        /// The uid.
        uid: PodUid,
        /// Whose it is.
        pod: PodName,
    },
}

impl Registry {
    /// Takes a Pod in. One of the same name in another network namespace gives way to it: its sandbox was recreated.
    ///
    /// # Errors
    /// When its uid or network namespace is taken.
    pub fn admit(&mut self, pod: &EnrolledPod) -> Result<(), Conflict> {
        let name = PodName::of(pod);
        let PodReference { uid, sandbox } = &pod.reference;
        for (other, taken) in &self.pods {
            let (same_uid, same_sandbox) = (taken.uid == *uid, taken.sandbox == *sandbox);
            if same_sandbox && !(same_uid && *other == name) {
                let (pod, uid) = (other.clone(), taken.uid.clone());
                return Err(Conflict::Sandbox { sandbox: *sandbox, pod, uid });
            }
            if same_uid && *other != name {
                return Err(Conflict::Uid { uid: uid.clone(), pod: other.clone() });
            }
        }
        self.pods.insert(name, pod.reference.clone());
        Ok(())
    }

    /// The Pod of that name is gone.
    pub fn dismiss(&mut self, name: &PodName) {
        self.pods.remove(name);
    }
}

impl PodName {
    /// Of a Pod that may or may not be.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// A Pod's.
    #[must_use]
    pub fn of(pod: &EnrolledPod) -> Self {
        Self { namespace: Arc::clone(&pod.namespace), name: Arc::clone(&pod.name) }
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests;
