//! A worker: what all connections of one thread share. A connection lives and dies on one.
//!
//! * [`live`] – every connection that is open, to be asked again and ended
//! * `load` – what others see of it without asking

pub(crate) mod live;
mod load;

use std::rc::Rc;
use std::sync::Arc;

use karez_flow::Metrics;
use karez_mesh::Mesh;
use karez_process::handshakes::HandshakeLimiter;
use karez_tunnel::buffers::BufferPool;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::duties::Duties;
use crate::pod::Pod;

use live::Live;
pub(crate) use load::Load;

/// What a worker begins with.
#[derive(Debug)]
pub(crate) struct Seed {
    /// The mesh, as it changes.
    pub(crate) mesh: watch::Receiver<Arc<Mesh>>,
    /// What it has to do, as it changes; it ends when the sender is gone.
    pub(crate) duties: watch::Receiver<Arc<Duties>>,
    /// Where it gets its telemetry from.
    pub(crate) metrics: Arc<Metrics>,
    /// Who bears what peers leave unread.
    pub(crate) accounts: Arc<Accounts>,
    /// Bounds the clients of all workers that have yet to prove who they are.
    pub(crate) handshakes: Arc<HandshakeLimiter>,
    /// DNS queries of all workers, counted.
    pub(crate) dns: Arc<karez_dns::Counters>,
    /// How many of one Pod there may be on it.
    pub(crate) questions: karez_dns::resolver::Bounds,
    /// Where it says how much it carries.
    pub(crate) load: Arc<Load>,
}

/// What all connections of a worker use.
#[derive(Debug)]
pub(crate) struct Worker {
    /// As it has been followed: what is asked while a change is being followed sees the old one or the new one, never another.
    mesh: watch::Sender<Arc<Mesh>>,
    duties: watch::Receiver<Arc<Duties>>,
    /// Buffers for bulk.
    pub(crate) buffers: BufferPool,
    /// Log and metrics.
    pub(crate) telemetry: karez_flow::Worker,
    /// The connections that are open.
    pub(crate) live: Live,
    /// Who bears what peers leave unread.
    pub(crate) accounts: Arc<Accounts>,
    /// Bounds the clients of all workers that have yet to prove who they are.
    pub(crate) handshakes: Arc<HandshakeLimiter>,
    /// DNS queries, counted.
    pub(crate) dns: Arc<karez_dns::Counters>,
    /// How many of one Pod there may be on it.
    pub(crate) questions: karez_dns::resolver::Bounds,
}

impl Worker {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            mesh: watch::Sender::new(Arc::clone(&seed.mesh.borrow())),
            duties: seed.duties.clone(),
            buffers: BufferPool::default(),
            telemetry: seed.metrics.worker(),
            live: Live::default(),
            accounts: Arc::clone(&seed.accounts),
            handshakes: Arc::clone(&seed.handshakes),
            dns: Arc::clone(&seed.dns),
            questions: seed.questions,
        }
    }

    /// The mesh that this worker goes by now.
    pub(crate) fn mesh(&self) -> Arc<Mesh> {
        Arc::clone(&self.mesh.borrow())
    }

    /// The mesh as it will be.
    pub(crate) fn meshes(&self) -> watch::Receiver<Arc<Mesh>> {
        self.mesh.subscribe()
    }

    /// Goes by another mesh from now on, and ends what it does not admit.
    pub(crate) fn follow(&self, mesh: &Arc<Mesh>) {
        let before = self.mesh.send_replace(Arc::clone(mesh));
        self.live.recheck(&before, mesh);
    }

    /// The Pod of this process that the mesh knows by that uid.
    pub(crate) fn neighbour(&self, uid: &str) -> Option<Arc<Pod>> {
        self.duties.borrow().pods.get(uid).cloned()
    }
}

/// Workers are handed about by reference count: connections outlive the loop that began them.
pub(crate) type SharedWorker = Rc<Worker>;
