//! A worker: the state that all connections of one thread share. A connection stays on its thread.
//!
//! * `load` – its load, for other threads to read

mod load;

use std::rc::Rc;
use std::sync::Arc;

use karez_flow::Metrics;
use karez_hbone::accounts::Accounts;
use karez_hbone::live::Live;
use karez_mesh::Mesh;
use karez_process::handshakes::HandshakeLimiter;
use karez_tunnel::buffers::BufferPool;
use tokio::sync::watch;

use crate::assignment::WorkerAssignment;
use crate::pod::Pod;

pub(crate) use load::Load;

/// A worker's parameters.
#[derive(Debug)]
pub(crate) struct WorkerConfig {
    /// The mesh, as it changes.
    pub(crate) mesh: watch::Receiver<Arc<Mesh>>,
    /// Its work, as it changes. The worker ends when the sender is gone.
    pub(crate) assignment: watch::Receiver<Arc<WorkerAssignment>>,
    /// Metrics and access log of the process.
    pub(crate) metrics: Arc<Metrics>,
    /// Accounts of the bytes that peers leave unread.
    pub(crate) accounts: Arc<Accounts>,
    /// Limits the clients of all workers that have not proven their identity yet.
    pub(crate) handshakes: Arc<HandshakeLimiter>,
    /// Counts the DNS queries of all workers.
    pub(crate) dns: Arc<karez_dns::Counters>,
    /// Limits one Pod's DNS queries on this worker.
    pub(crate) dns_limits: karez_dns::resolver::ResolverLimits,
    /// Publishes the worker's load.
    pub(crate) load: Arc<Load>,
}

/// State that all connections of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    /// The mesh that the worker has adjusted to. Decisions use this one, never a newer one that the worker does not
    /// follow yet.
    mesh: watch::Sender<Arc<Mesh>>,
    assignment: watch::Receiver<Arc<WorkerAssignment>>,
    /// Copy buffers.
    pub(crate) buffers: BufferPool,
    /// Log and metrics.
    pub(crate) telemetry: karez_flow::Worker,
    /// The open connections.
    pub(crate) live: Live<Pod>,
    /// Accounts of the bytes that peers leave unread.
    pub(crate) accounts: Arc<Accounts>,
    /// Limits the clients of all workers that have not proven their identity yet.
    pub(crate) handshakes: Arc<HandshakeLimiter>,
    /// Counts DNS queries.
    pub(crate) dns: Arc<karez_dns::Counters>,
    /// Limits one Pod's DNS queries on this worker.
    pub(crate) dns_limits: karez_dns::resolver::ResolverLimits,
}

impl Worker {
    pub(crate) fn new(config: &WorkerConfig) -> Self {
        Self {
            mesh: watch::Sender::new(Arc::clone(&config.mesh.borrow())),
            assignment: config.assignment.clone(),
            buffers: BufferPool::default(),
            telemetry: config.metrics.worker(),
            live: Live::default(),
            accounts: Arc::clone(&config.accounts),
            handshakes: Arc::clone(&config.handshakes),
            dns: Arc::clone(&config.dns),
            dns_limits: config.dns_limits,
        }
    }

    /// The mesh that this worker decides by.
    pub(crate) fn mesh(&self) -> Arc<Mesh> {
        Arc::clone(&self.mesh.borrow())
    }

    /// Watches the mesh that this worker decides by.
    pub(crate) fn meshes(&self) -> watch::Receiver<Arc<Mesh>> {
        self.mesh.subscribe()
    }

    /// Decides by `mesh` from now on, and ends the connections that it refuses.
    pub(crate) fn follow(&self, mesh: &Arc<Mesh>) {
        let before = self.mesh.send_replace(Arc::clone(mesh));
        self.live.recheck(&before, mesh);
    }

    /// The carried Pod with this uid in the mesh.
    pub(crate) fn neighbour(&self, uid: &str) -> Option<Arc<Pod>> {
        self.assignment.borrow().pods.get(uid).cloned()
    }
}

/// Counted, because connections outlive the loop that accepted them.
pub(crate) type SharedWorker = Rc<Worker>;
