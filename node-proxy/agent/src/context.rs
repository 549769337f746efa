//! What all tasks of the agent share: the kernel, the store, the roster and the open namespaces.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use karez_capture::marks::PodMark;
use karez_handover::agent::SharedRoster;
use karez_handover::pod::PodReference;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Semaphore;

use crate::kernel::{Kernel, ServedBy};
use crate::probes::ProbedPods;
use crate::store::Store;

/// Work that blocks, at a time: on two cores more of it would only wait for a core.
const BLOCKING: usize = 4;

/// Shared by all tasks, behind an `Arc`.
#[derive(Debug)]
pub struct AgentContext<K: Kernel> {
    /// What needs a privilege.
    pub kernel: K,
    /// What is kept over a restart.
    pub store: Store,
    /// What node proxies are to carry.
    pub roster: SharedRoster,
    /// The enrolled Pods' namespaces, for whoever opens sockets in them.
    pub sandboxes: Sandboxes<K::Sandbox>,
    /// Who serves the Pods.
    pub served_by: ServedBy,
    /// Pods that kubelet's probes are to reach.
    pub probes: ProbedPods,
    /// Captures that were found changed and put right.
    pub repairs: Counter,
    slots: Semaphore,
}

/// Open namespaces by Pod. Each is open as long as somebody works in it.
#[derive(Debug)]
pub struct Sandboxes<S> {
    open: Mutex<BTreeMap<PodReference, Sandbox<S>>>,
}

/// The namespace of an enrolled Pod.
#[derive(Debug)]
pub struct Sandbox<S> {
    /// The namespace.
    pub namespace: Arc<S>,
    /// By what its rules know the mesh's sockets.
    pub mark: PodMark,
}

impl<S> Clone for Sandbox<S> {
    fn clone(&self) -> Self {
        Self { namespace: Arc::clone(&self.namespace), mark: self.mark }
    }
}

impl<K: Kernel> AgentContext<K> {
    /// With nothing enrolled.
    #[must_use]
    pub fn new(kernel: K, store: Store, served_by: ServedBy, probes: ProbedPods) -> Self {
        Self {
            kernel,
            store,
            roster: SharedRoster::default(),
            sandboxes: Sandboxes::default(),
            served_by,
            probes,
            repairs: Counter::default(),
            slots: Semaphore::new(BLOCKING),
        }
    }

    /// Does work that blocks on a thread that may, once one is free.
    pub async fn blocking<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> R {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let context = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&context)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down, and this task with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }
}

impl<S> Sandboxes<S> {
    /// The namespace of an enrolled Pod.
    #[must_use]
    pub fn of(&self, pod: &PodReference) -> Option<Sandbox<S>> {
        self.lock().get(pod).cloned()
    }

    pub(crate) fn insert(&self, pod: PodReference, sandbox: Sandbox<S>) {
        self.lock().insert(pod, sandbox);
    }

    pub(crate) fn remove(&self, pod: &PodReference) {
        self.lock().remove(pod);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PodReference, Sandbox<S>>> {
        // No change is left half-done by a panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Default for Sandboxes<S> {
    fn default() -> Self {
        Self { open: Mutex::default() }
    }
}
