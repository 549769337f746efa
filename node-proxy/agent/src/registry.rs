//! Which Pods there are, and whether another may be. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use karez_handover::pod::{EnrolledPod, NamespaceId, PodReference, PodUid};

/// A Pod by its Kubernetes namespace and name: of one such there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    /// The Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The name in it.
    pub name: Arc<str>,
}

/// The names that are taken, and by what. A Pod that gives way to itself in another network namespace has two for a while.
#[derive(Debug, Default)]
pub struct Registry {
    pods: BTreeMap<PodName, Vec<Weak<PodReference>>>,
}

/// A uid and a network namespace that are a Pod's for as long as this is held: by its request, then by its task until
/// nothing of it is left there.
#[derive(Debug)]
pub struct Reservation {
    _reference: Arc<PodReference>,
}

/// Why a Pod cannot be enrolled beside those that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Its network namespace is another Pod's, or the same Pod's under another uid.
    #[error(
        "network namespace {sandbox} is enrolled already, as Pod {pod} with uid {uid}: remove that one first, or wait until \
         it has left"
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
    #[error("uid {uid} is enrolled already, as Pod {pod}: remove that one first, or wait until it has left")]
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
    pub fn admit(&mut self, pod: &EnrolledPod) -> Result<Reservation, Conflict> {
        self.sweep();
        let name = PodName::of(pod);
        let PodReference { uid, sandbox } = &pod.reference;
        for (other, taken) in self.taken() {
            let (same_uid, same_sandbox) = (taken.uid == *uid, taken.sandbox == *sandbox);
            if same_sandbox && !(same_uid && *other == name) {
                let (pod, uid) = (other.clone(), taken.uid.clone());
                return Err(Conflict::Sandbox { sandbox: *sandbox, pod, uid });
            }
            if same_uid && *other != name {
                return Err(Conflict::Uid { uid: uid.clone(), pod: other.clone() });
            }
        }
        let reference = Arc::new(pod.reference.clone());
        self.pods.entry(name).or_default().push(Arc::downgrade(&reference));
        Ok(Reservation { _reference: reference })
    }

    fn taken(&self) -> impl Iterator<Item = (&PodName, Arc<PodReference>)> {
        self.pods
            .iter()
            .flat_map(|(name, taken)| taken.iter().filter_map(Weak::upgrade).map(move |taken| (name, taken)))
    }

    /// Forgets what nobody holds any more.
    fn sweep(&mut self) {
        self.pods.retain(|_, taken| {
            taken.retain(|reference| reference.strong_count() > 0);
            !taken.is_empty()
        });
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
