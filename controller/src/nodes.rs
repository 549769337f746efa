//! What is known of every node proxy that calls: its streams, what it acknowledged, what it reported.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use karez_api::operator::NodeReport;
use tokio::time::Instant;

use crate::ca::Standing;
use crate::catalog::{ResourceType, Snapshot, Version};
use crate::progress::Progress;

/// Nodes that are remembered, beside those that are connected.
const MOST: usize = 20_000;

/// Progress with each type that a stream follows.
pub type StreamProgress = BTreeMap<ResourceType, Progress>;

/// What is known of one node.
#[derive(Debug, Default)]
pub struct NodeRecord {
    streams: BTreeMap<u64, StreamProgress>,
    /// What it followed last is nothing of Karez's own.
    foreign: bool,
    /// The last version of the trust bundles that it acknowledged, on whatever stream.
    bundles: Option<Version>,
    report: Option<(Instant, NodeReport)>,
}

/// All nodes. Cheap to clone. Their names come from tokens, and those that are away are forgotten once there are [`MOST`].
#[derive(Debug, Clone, Default)]
pub struct Nodes {
    records: Arc<Mutex<BTreeMap<String, NodeRecord>>>,
    streams: Arc<AtomicU64>,
}

/// A stream that is open. Dropping it says that it is not.
#[derive(Debug)]
pub struct OpenStream {
    nodes: Nodes,
    node: String,
    id: u64,
}

impl Nodes {
    /// Notes a stream of a node's.
    #[must_use]
    pub fn connect(&self, node: &str) -> OpenStream {
        let id = self.streams.fetch_add(1, Ordering::Relaxed);
        let mut records = self.records();
        if records.len() >= MOST {
            // Nodes of an autoscaled cluster come and never come back.
            records.retain(|_, record| record.is_connected());
        }
        records.entry(node.to_owned()).or_default().streams.insert(id, StreamProgress::new());
        drop(records);
        OpenStream { nodes: self.clone(), node: node.to_owned(), id }
    }

    /// Notes what a node reported.
    pub fn report(&self, node: &str, report: NodeReport, now: Instant) {
        self.records().entry(node.to_owned()).or_default().report = Some((now, report));
    }

    /// What is known at present. Hold it for a moment only: it blocks those who have news.
    pub fn records(&self) -> MutexGuard<'_, BTreeMap<String, NodeRecord>> {
        // Every change is one assignment: a panic of another task leaves nothing half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nodes with a stream.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.records().values().filter(|node| node.is_connected()).count()
    }
}

impl OpenStream {
    /// Notes how far the client is.
    pub fn progress(&self, progress: StreamProgress) {
        let mut records = self.nodes.records();
        let Some(node) = records.get_mut(&self.node) else { return };
        let bundles = progress.get(&ResourceType::TrustBundle).filter(|bundles| bundles.rejected.is_none());
        let bundles = bundles.and_then(|bundles| bundles.acknowledged);
        node.bundles = bundles.or(node.bundles);
        node.follow(self.id, progress);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(node) = self.nodes.records().get_mut(&self.node) {
            node.streams.remove(&self.id);
        }
    }
}

impl NodeRecord {
    /// Whether it has a stream.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Whether another mesh's proxy, such as Istio's ztunnel, serves it or did last: one that follows none of Karez's own types, and
    /// sends no reports.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    fn follow(&mut self, stream: u64, progress: StreamProgress) {
        self.streams.insert(stream, progress);
        let mut followed = self.streams.values().flat_map(BTreeMap::keys).peekable();
        if followed.peek().is_some() {
            self.foreign = !followed.any(|followed| followed.is_own());
        }
    }

    /// Its last report, and when it came.
    #[must_use]
    pub fn report(&self) -> Option<&(Instant, NodeReport)> {
        self.report.as_ref()
    }

    /// Whether it has acknowledged all that it follows, as it is in `present`.
    #[must_use]
    pub fn is_in_sync(&self, present: &Snapshot) -> bool {
        let followed = self.streams.values().flatten();
        self.is_connected()
            && self.streams.values().all(|stream| !stream.is_empty())
            && followed.into_iter().all(|(resource_type, progress)| {
                progress.rejected.is_none()
                    && progress.acknowledged == Some(present.view(*resource_type).version())
            })
    }

    /// What it refused, in its own words.
    #[must_use]
    pub fn rejected(&self) -> Vec<&str> {
        let progress = self.streams.values().flat_map(BTreeMap::values);
        progress.filter_map(|progress| progress.rejected.as_ref()).map(|it| it.detail.as_str()).collect()
    }

    /// What it knows of the trust bundles, of which the present ones have the version `bundles`.
    #[must_use]
    pub fn standing(&self, bundles: Version) -> Standing {
        let of_stream = |stream: &StreamProgress| match stream.get(&ResourceType::TrustBundle) {
            // It has been told all, and has said no to some.
            Some(progress) if progress.rejected.is_some() => Standing::Pending,
            Some(progress) if progress.acknowledged == Some(bundles) => Standing::Acknowledged,
            Some(_) => Standing::Pending,
            None => Standing::Unsubscribed,
        };
        let standings: Vec<Standing> = self.streams.values().map(of_stream).collect();
        if standings.is_empty() {
            let knows = self.bundles == Some(bundles);
            return if knows { Standing::Acknowledged } else { Standing::Away };
        }
        // Two proxies of a node overlap while one takes over from the other: the slower one counts.
        let slowest = [Standing::Pending, Standing::Unsubscribed];
        slowest.into_iter().find(|it| standings.contains(it)).unwrap_or(Standing::Acknowledged)
    }
}

#[cfg(test)]
mod tests;
