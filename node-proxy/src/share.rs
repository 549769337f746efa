//! A worker's share of a Pod: the state of the Pod's connections and queries on this thread.
//!
//! * `names` – resolves names for the Pod

mod names;

use std::rc::Rc;
use std::sync::Arc;

use karez_dns::Resolver;
use karez_hbone::tunnels::Tunnels;

use crate::pod::Pod;
use crate::worker::SharedWorker;

use names::PodNames;

/// State of one Pod's connections on one worker.
#[derive(Debug)]
pub(crate) struct Share {
    /// The Pod.
    pub(crate) pod: Arc<Pod>,
    /// The worker.
    pub(crate) worker: SharedWorker,
    /// Tunnels that the Pod's connections share.
    pub(crate) tunnels: Tunnels,
    /// Answers the Pod's DNS queries.
    pub(crate) resolver: Rc<Resolver<PodNames>>,
}

impl Share {
    pub(crate) fn new(pod: Arc<Pod>, worker: SharedWorker) -> Self {
        let names = PodNames::new(Arc::clone(&pod), worker.meshes());
        let resolver = Resolver::new(names, worker.dns_limits, Arc::clone(&worker.dns));
        Self { pod, worker, tunnels: Tunnels::new(), resolver }
    }

    /// Returns when an inbound tunnel must end: its proof is nearly over, or the Pod is stopping.
    pub(crate) async fn must_leave(&self, proof_over: impl Future<Output = ()>) {
        tokio::select! {
            () = proof_over => {}
            () = self.pod.stopping() => {}
        }
    }
}
