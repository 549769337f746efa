//! One Pod's resolver: its names and its limits.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use karez_mesh::names::Resolution;
use tokio::sync::Semaphore;

use crate::answer::{Decision, Transport, answer};
use crate::counters::Counters;

/// Limits of one Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolverLimits {
    /// UDP queries that wait for a server's answer. Each takes a descriptor.
    pub forwarded: usize,
    /// Own UDP answers that a Pod's socket has not taken yet. Counted apart, so that a dead server does not block them.
    pub answered: usize,
    /// TCP connections, of two descriptors each. Others wait in the listener's queue.
    pub connections: usize,
}

impl Default for ResolverLimits {
    fn default() -> Self {
        Self { forwarded: 512, answered: 128, connections: 64 }
    }
}

/// How long a server may take to answer, or to connect.
pub(crate) const FORWARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Resolves names as a Pod sees them.
pub trait Lookup {
    /// Resolves `host` in the mesh. `None` if the mesh does not own the name.
    fn resolve(&self, host: &str) -> Option<Resolution>;
}

impl<F: Fn(&str) -> Option<Resolution>> Lookup for F {
    fn resolve(&self, host: &str) -> Option<Resolution> {
        self(host)
    }
}

/// One Pod's resolver on one worker; all its listeners share it.
#[derive(Debug)]
pub struct Resolver<N> {
    names: N,
    forwarded: Arc<Semaphore>,
    answered: Arc<Semaphore>,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) counters: Arc<Counters>,
}

impl<N: Lookup> Resolver<N> {
    /// A Pod's resolver. All Pods may share `counters`.
    #[must_use]
    pub fn new(names: N, limits: ResolverLimits, counters: Arc<Counters>) -> Rc<Self> {
        Rc::new(Self {
            names,
            forwarded: Arc::new(Semaphore::new(limits.forwarded)),
            answered: Arc::new(Semaphore::new(limits.answered)),
            connections: Arc::new(Semaphore::new(limits.connections)),
            counters,
        })
    }

    /// The semaphore of a UDP query with this decision.
    pub(crate) fn room(&self, decision: &Decision) -> Arc<Semaphore> {
        match decision {
            Decision::Forward => Arc::clone(&self.forwarded),
            Decision::Answer(_) | Decision::Malformed(_) | Decision::Ignore => Arc::clone(&self.answered),
        }
    }

    pub(crate) fn decide(&self, query: &[u8], transport: Transport) -> Decision {
        let decision = answer(query, |host| self.names.resolve(host), transport, fastrand::u64(..));
        self.counters.requests.add_one();
        match &decision {
            Decision::Answer(_) => self.counters.answered.add_one(),
            Decision::Forward => self.counters.forwarded.add_one(),
            Decision::Malformed(_) | Decision::Ignore => self.counters.malformed.add_one(),
        }
        decision
    }
}
