//! Node proxies: their connections, and the sockets that they ask for.

use std::fs::{DirBuilder, Permissions};
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::sync::Arc;
use std::time::Duration;

use karez_handover::channel::{Channel, Listener};
use karez_handover::stock::{self, Refusal, SocketRequest};
use karez_handover::{Address, agent, message, zds};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::context::AgentContext;
use crate::kernel::Kernel;

/// Node proxies, which are not root, find the socket there; nobody but the agent puts one there.
const FOLDER_MODE: u32 = 0o755;
/// Connections of one kind at a time: a node proxy and its successor, with room for some that are not gone yet.
const CONNECTIONS: usize = 8;
/// After a connection of a node proxy, which may reconnect in a circle, and after an error such as "too many open files".
const PAUSE: Duration = Duration::from_millis(50);
/// Between two lines in the log about strangers.
const COMPLAIN_EVERY: Duration = Duration::from_secs(1);
/// Batches of sockets that are opened at a time.
const BATCHES: usize = 2;

/// Why node proxies cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for node proxies on {address}: {source}")]
pub struct ListenError {
    address: Address,
    source: io::Error,
}

/// Listens for node proxies at `address`. A socket that is a file can be written to by everybody, as whoever connects has to:
/// who it is, is asked of the kernel. Its folder is made if it is not there.
///
/// # Errors
/// When the address is taken or cannot be made.
pub fn listen(address: &Address) -> Result<Listener, ListenError> {
    let failed = |source| ListenError { address: address.clone(), source };
    if let Address::Path(path) = address
        && let Some(folder) = path.parent()
    {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(failed)?;
    }
    let listener = Listener::bind(address).map_err(failed)?;
    if let Address::Path(path) = address {
        std::fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
    }
    Ok(listener)
}

/// Hands Pods to node proxies of the given uid. Runs until it is dropped.
pub async fn serve_pods<K: Kernel>(listener: Listener, node_uid: u32, context: Arc<AgentContext<K>>) {
    accept(listener, message::LARGEST_PACKET, &[node_uid], move |channel| {
        let context = Arc::clone(&context);
        async move {
            tracing::info!("a node proxy has connected");
            match agent::serve(channel, &context.roster, K::inspect).await {
                Ok(()) => tracing::info!("the node proxy has closed its connection"),
                Err(error) => tracing::warn!(%error, "the connection to the node proxy has ended"),
            }
        }
    })
    .await;
}

/// Hands Pods to ztunnels, which run as the given uid or as root. Runs until it is dropped.
pub async fn serve_zds<K: Kernel>(listener: Listener, node_uid: u32, context: Arc<AgentContext<K>>) {
    accept(listener, zds::message::LARGEST_PACKET, &[node_uid, 0], move |channel| {
        let context = Arc::clone(&context);
        async move {
            tracing::info!("a ztunnel has connected");
            match zds::serve(channel, "ztunnel".to_owned(), &context.roster).await {
                Ok(()) => tracing::info!("the ztunnel has closed its connection"),
                Err(error) => tracing::warn!(%error, "the connection to the ztunnel has ended"),
            }
        }
    })
    .await;
}

/// Gives node proxies of the given uid the sockets that they ask for. Runs until it is dropped.
pub async fn serve_stock<K: Kernel>(listener: Listener, node_uid: u32, source: Arc<Source<K>>) {
    accept(listener, message::LARGEST_PACKET, &[node_uid], move |channel| {
        let source = Arc::clone(&source);
        async move {
            if let Err(error) = stock::serve(&channel, &*source).await {
                tracing::warn!(%error, "the connection to a node proxy's stock has ended");
            }
        }
    })
    .await;
}

async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    largest: usize,
    uids: &[u32],
    serve: impl Fn(Channel) -> F,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match next_trusted(&listener, largest, uids).await {
            Ok(channel) => {
                let serving = serve(channel);
                connections.spawn(async move {
                    serving.await;
                    drop(slot);
                });
            }
            Err(error) => tracing::warn!(%error, "cannot accept a node proxy's connection"),
        }
        while connections.try_join_next().is_some() {}
        tokio::time::sleep(PAUSE).await;
    }
}

/// The next connection of one of `uids`. Any process of the node can be a stranger: the node proxy must not wait its turn
/// behind them, so that none costs a pause.
async fn next_trusted(listener: &Listener, largest: usize, uids: &[u32]) -> io::Result<Channel> {
    let mut complained: Option<Instant> = None;
    loop {
        let channel = listener.accept(largest).await?;
        let uid = channel.peer_uid()?;
        if uids.contains(&uid) {
            return Ok(channel);
        }
        if complained.is_none_or(|complained| complained.elapsed() >= COMPLAIN_EVERY) {
            tracing::warn!(uid, "a connection is refused: its uid is not the node proxy's (--node-uid)");
            complained = Some(Instant::now());
        }
    }
}

/// Opens sockets in enrolled Pods.
#[derive(Debug)]
pub struct Source<K: Kernel> {
    context: Arc<AgentContext<K>>,
    served: Counter,
    slots: Semaphore,
}

impl<K: Kernel> Source<K> {
    /// Counts in `served` the sockets that it opens.
    #[must_use]
    pub fn new(context: Arc<AgentContext<K>>, served: Counter) -> Self {
        Self { context, served, slots: Semaphore::new(BATCHES) }
    }
}

impl<K: Kernel> stock::Source for Source<K> {
    async fn open(&self, request: &SocketRequest) -> Result<Vec<OwnedFd>, Refusal> {
        let sandbox = self.context.sandboxes.of(&request.pod).ok_or(Refusal::NotEnrolled)?;
        // Not in the queue of what else blocks: connections wait for these. The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let context = Arc::clone(&self.context);
        let SocketRequest { kind, family, count, .. } = *request;
        let open = move || context.kernel.stock(&sandbox.namespace, kind, family, count, sandbox.mark);
        let opened = tokio::task::spawn_blocking(open);
        let failed = |reason: &dyn std::fmt::Display| Refusal::Failed(reason.to_string());
        let sockets = opened.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        self.served.inc_by(count as u64);
        Ok(sockets)
    }
}

#[cfg(test)]
mod tests;
