//! A Pod's ready sockets: taken by the workers without waiting, refilled in batches from the agent, sized by demand.
//!
//! A stocked socket keeps its network namespace alive. So a Pod that dials little has a small stock, and it goes with the Pod.

mod shelf;

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use karez_capture::sockets::{Family, Kind};
use karez_handover::pod::PodReference;
use karez_handover::stock::StockHandle;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::stock::shelf::Shelf;

/// How long a connection waits for a socket when there is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an agent that refused is left alone.
const RETRY: Duration = Duration::from_millis(100);
const KINDS: [Kind; 4] = [Kind::Outbound, Kind::Application, Kind::DnsForward, Kind::DnsReply];

/// No socket came from the agent in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no socket from the agent within {} s", PATIENCE.as_secs())]
pub(crate) struct Dry;

/// One Pod's sockets. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PodStock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pod: PodReference,
    agent: StockHandle,
    /// Where refills run: the thread that also talks to the agent, so that no worker is woken for another's.
    runtime: Handle,
    rows: Vec<Row>,
}

/// The sockets of one kind and family.
#[derive(Debug)]
struct Row {
    kind: Kind,
    family: Family,
    shelf: Mutex<Shelf<OwnedFd>>,
    refilled: Notify,
}

impl PodStock {
    /// An empty stock of `pod`, refilled on `runtime`.
    pub(crate) fn new(pod: PodReference, agent: StockHandle, runtime: Handle) -> Self {
        let rows = KINDS
            .into_iter()
            .flat_map(|kind| Family::ALL.map(|family| (kind, family)))
            .map(|(kind, family)| Row { kind, family, shelf: Mutex::default(), refilled: Notify::new() })
            .collect();
        Self { shared: Arc::new(Shared { pod, agent, runtime, rows }) }
    }

    /// Takes a socket; waits a bounded time when there is none.
    pub(crate) async fn take(&self, kind: Kind, family: Family) -> Result<OwnedFd, Dry> {
        tokio::time::timeout(PATIENCE, self.take_whenever(kind, family)).await.map_err(|_| Dry)
    }

    async fn take_whenever(&self, kind: Kind, family: Family) -> OwnedFd {
        loop {
            let Some((position, row)) = self.shared.find(kind, family) else {
                // Every kind and family has its row.
                std::future::pending().await
            };
            // Made before the shelf is looked at: a refill in between is then not missed.
            let refilled = row.refilled.notified();
            let (socket, refill) = row.shelf().take();
            if let Some(count) = refill {
                self.shared.runtime.spawn(refill_row(Arc::clone(&self.shared), position, count));
            }
            match socket {
                Some(socket) => return socket,
                None => refilled.await,
            }
        }
    }

    /// Closes sockets that were not needed since the last call.
    pub(crate) fn trim(&self) {
        for row in &self.shared.rows {
            let surplus = row.shelf().trim();
            drop(surplus);
        }
    }
}

impl Shared {
    fn find(&self, kind: Kind, family: Family) -> Option<(usize, &Row)> {
        self.rows.iter().enumerate().find(|(_, row)| row.kind == kind && row.family == family)
    }
}

impl Row {
    fn shelf(&self) -> MutexGuard<'_, Shelf<OwnedFd>> {
        // Nothing under the lock can leave it half changed.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn refill_row(shared: Arc<Shared>, position: usize, count: usize) {
    let Some(row) = shared.rows.get(position) else { return };
    let sockets = match shared.agent.request(&shared.pod, row.kind, row.family, count).await {
        Ok(sockets) => sockets,
        Err(error) => {
            tracing::warn!(pod = %shared.pod.uid, %error, "no sockets from the agent; connections wait");
            tokio::time::sleep(RETRY).await;
            Vec::new()
        }
    };
    row.shelf().put(sockets);
    // Those who find the shelf empty again ask again.
    row.refilled.notify_waiters();
}
