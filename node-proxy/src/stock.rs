//! A Pod's ready sockets: workers take them without waiting, batches from the agent refill them, demand sizes them.
//!
//! A stocked socket keeps its network namespace alive. So a Pod that dials little has a small stock, and it goes with the Pod.

mod ready_pool;

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use karez_capture::sockets::{Family, Kind};
use karez_handover::pod::PodReference;
use karez_handover::stock::StockHandle;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::stock::ready_pool::ReadyPool;

/// How long a connection waits for a socket.
const TAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the agent has refused.
const RETRY: Duration = Duration::from_millis(100);
const KINDS: [Kind; 4] = [Kind::Outbound, Kind::Application, Kind::DnsForward, Kind::DnsReply];

/// No socket came from the agent in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no socket from the agent within {} s", TAKE_TIMEOUT.as_secs())]
pub(crate) struct NoSocket;

/// One Pod's sockets. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PodStock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pod: PodReference,
    agent: StockHandle,
    /// The runtime of refills: the thread that also talks to the agent, so that no worker wakes for another.
    runtime: Handle,
    kinds: Vec<KindStock>,
}

/// The sockets of one kind and family.
#[derive(Debug)]
struct KindStock {
    kind: Kind,
    family: Family,
    pool: Mutex<ReadyPool<OwnedFd>>,
    refilled: Notify,
}

impl PodStock {
    /// An empty stock of `pod`, refilled on `runtime`.
    pub(crate) fn new(pod: PodReference, agent: StockHandle, runtime: Handle) -> Self {
        let kinds = KINDS
            .into_iter()
            .flat_map(|kind| Family::ALL.map(|family| (kind, family)))
            .map(|(kind, family)| KindStock { kind, family, pool: Mutex::default(), refilled: Notify::new() })
            .collect();
        Self { shared: Arc::new(Shared { pod, agent, runtime, kinds }) }
    }

    /// Takes a socket, and waits a bounded time if there is none.
    pub(crate) async fn take(&self, kind: Kind, family: Family) -> Result<OwnedFd, NoSocket> {
        tokio::time::timeout(TAKE_TIMEOUT, self.take_whenever(kind, family)).await.map_err(|_| NoSocket)
    }

    async fn take_whenever(&self, kind: Kind, family: Family) -> OwnedFd {
        loop {
            let Some((position, stock)) = self.shared.find(kind, family) else {
                // Every kind and family has its pool.
                std::future::pending().await
            };
            // Before the pool is checked, so that a refill in between is not missed.
            let refilled = stock.refilled.notified();
            let (socket, missing) = stock.pool().take();
            if let Some(count) = missing {
                self.shared.runtime.spawn(refill(Arc::clone(&self.shared), position, count));
            }
            match socket {
                Some(socket) => return socket,
                None => refilled.await,
            }
        }
    }

    /// Closes sockets that nobody needed since the last call.
    pub(crate) fn trim(&self) {
        for stock in &self.shared.kinds {
            let surplus = stock.pool().trim();
            drop(surplus);
        }
    }
}

impl Shared {
    fn find(&self, kind: Kind, family: Family) -> Option<(usize, &KindStock)> {
        self.kinds.iter().enumerate().find(|(_, stock)| stock.kind == kind && stock.family == family)
    }
}

impl KindStock {
    fn pool(&self) -> MutexGuard<'_, ReadyPool<OwnedFd>> {
        // The pool is consistent at every point under the lock.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn refill(shared: Arc<Shared>, position: usize, count: usize) {
    let Some(stock) = shared.kinds.get(position) else { return };
    let sockets = match shared.agent.request(&shared.pod, stock.kind, stock.family, count).await {
        Ok(sockets) => sockets,
        Err(error) => {
            tracing::warn!(pod = %shared.pod.uid, %error, "no sockets from the agent; connections wait");
            tokio::time::sleep(RETRY).await;
            Vec::new()
        }
    };
    stock.pool().put(sockets);
    // A caller that finds the pool empty again requests again.
    stock.refilled.notify_waiters();
}
