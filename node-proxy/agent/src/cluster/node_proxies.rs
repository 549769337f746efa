//! The agent's sockets inside node proxies' own network namespaces, where they need neither the host's network nor a folder of
//! the host to find them.
//!
//! Whoever may connect is checked as everywhere: by the kernel's word for the uid of the process at the other end. What
//! is served is on record, so that a restarted agent serves it before the controller has spoken.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use karez_handover::channel::Listener;
use karez_handover::{Address, stock};
use tokio::task::JoinSet;

use crate::cluster::ClusterMetrics;
use crate::context::AgentContext;
use crate::kernel::{Kernel, KernelError};
use crate::processes::FoundNamespace;
use crate::proxies::{self, Source};

/// How node proxies are served.
#[derive(Debug)]
pub struct ProxyConfig<K: Kernel> {
    /// Where, inside each one's namespace.
    pub address: Address,
    /// The uid that they run as.
    pub uid: u32,
    /// What opens sockets for them.
    pub source: Arc<Source<K>>,
    /// The file that tells a restarted agent of them.
    pub record: PathBuf,
}

/// The node proxies that are served.
#[derive(Debug)]
pub struct NodeProxies<K: Kernel> {
    context: Arc<AgentContext<K>>,
    config: ProxyConfig<K>,
    metrics: ClusterMetrics,
    /// By Pod uid.
    serving: BTreeMap<String, Serving>,
}

/// One of them. Dropping it closes its sockets, which keep its namespace alive.
#[derive(Debug)]
struct Serving {
    found: FoundNamespace,
    _tasks: JoinSet<()>,
}

impl<K: Kernel> NodeProxies<K> {
    /// None yet.
    #[must_use]
    pub fn new(context: Arc<AgentContext<K>>, config: ProxyConfig<K>, metrics: ClusterMetrics) -> Self {
        Self { context, config, metrics, serving: BTreeMap::new() }
    }

    /// Serves those that were served when the agent ended.
    pub(super) async fn restore(&mut self) {
        let path = self.config.record.clone();
        let recorded = match self.context.blocking(move |_| record::load(&path)).await {
            Ok(recorded) => recorded,
            Err(error) => {
                tracing::warn!(%error, "node proxies are served once the controller has told of them");
                return;
            }
        };
        for (uid, found) in recorded {
            if let Err(error) = self.open(&uid, found).await {
                tracing::info!(uid, %error, "a node proxy that was served is served no more");
            }
        }
        self.save().await;
    }

    /// Of these Pods, those that are not served.
    pub(super) fn unserved<'a>(
        &self,
        wanted: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = String> + use<'a, K> {
        let missing: Vec<String> =
            wanted.iter().filter(|uid| !self.serving.contains_key(*uid)).cloned().collect();
        missing.into_iter()
    }

    /// Closes the sockets of all others, and of those whose namespace is gone.
    pub(super) async fn keep(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let found: Vec<_> =
            self.serving.iter().map(|(uid, serving)| (uid.clone(), serving.found.clone())).collect();
        let gone = self.context.blocking(move |context| {
            let is_gone = |found: &FoundNamespace| match context.kernel.id_at(&found.path) {
                Ok(id) => id != Some(found.id),
                // What cannot be looked at is not gone for that.
                Err(_) => false,
            };
            let gone = found.into_iter().filter(|(_, found)| is_gone(found));
            gone.map(|(uid, _)| uid).collect::<BTreeSet<_>>()
        });
        let gone = gone.await;
        let before = self.serving.len();
        self.serving.retain(|uid, _| {
            let is_kept = is_wanted(uid) && !gone.contains(uid);
            if !is_kept {
                tracing::info!(uid, "node proxy served no more");
            }
            is_kept
        });
        if self.serving.len() != before {
            self.save().await;
        }
    }

    /// Serves the node proxy in that namespace.
    pub(super) async fn serve(&mut self, uid: &str, found: FoundNamespace) -> Result<(), KernelError> {
        self.open(uid, found).await?;
        self.save().await;
        Ok(())
    }

    async fn open(&mut self, uid: &str, found: FoundNamespace) -> Result<(), KernelError> {
        let (address, place) = (self.config.address.clone(), found.clone());
        let opened = self.context.blocking(move |context| {
            let sandbox = context.kernel.open(&place.path)?;
            if context.kernel.id(&sandbox) != place.id {
                return Err(KernelError::Elsewhere(place.path));
            }
            let stock = context.kernel.listen_at(&sandbox, &stock::address(&address))?;
            Ok((context.kernel.listen_at(&sandbox, &address)?, stock))
        });
        let (pods, stock) = opened.await?;
        let mut tasks = JoinSet::new();
        let (uid_of_proxy, source) = (self.config.uid, Arc::clone(&self.config.source));
        tasks.spawn(proxies::serve_stock(Listener::new(stock)?, uid_of_proxy, source));
        tasks.spawn(proxies::serve_pods(Listener::new(pods)?, uid_of_proxy, Arc::clone(&self.context)));
        tracing::info!(uid, netns = %found.path.display(), "serving a node proxy");
        self.serving.insert(uid.to_owned(), Serving { found, _tasks: tasks });
        Ok(())
    }

    async fn save(&self) {
        self.metrics.node_proxies.set(i64::try_from(self.serving.len()).unwrap_or(i64::MAX));
        let path = self.config.record.clone();
        let served: BTreeMap<_, _> =
            self.serving.iter().map(|(uid, serving)| (uid.clone(), serving.found.clone())).collect();
        if let Err(error) = self.context.blocking(move |_| record::save(&path, &served)).await {
            tracing::warn!(%error, "a restarted agent waits for the controller before it serves node proxies");
        }
    }
}
