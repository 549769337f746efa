//! Which nodes of a cluster are lost: a new root waits for nothing that they know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ca::Timestamp;

/// A node that has not been ready for so long is lost. Kubernetes gives its Pods up after the same time.
pub const LOST_AFTER: Duration = Duration::from_mins(5);

/// Every Node of the cluster, with the time at which it stopped being ready. Pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeHealth(BTreeMap<String, Option<Timestamp>>);

/// Reads it; none before all Nodes have been seen, and without a cluster. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeHealthReader(watch::Receiver<Option<Arc<NodeHealth>>>);

impl NodeHealth {
    /// Notes a Node. Answers whether that is news.
    pub fn set(&mut self, node: &str, not_ready_since: Option<Timestamp>) -> bool {
        self.0.insert(node.to_owned(), not_ready_since) != Some(not_ready_since)
    }

    /// Notes that a Node is there, of which nothing else can be read. Answers whether that is news.
    pub fn note(&mut self, node: &str) -> bool {
        !self.0.contains_key(node) && self.set(node, None)
    }

    /// Notes that a Node is gone. Answers whether that is news.
    pub fn remove(&mut self, node: &str) -> bool {
        self.0.remove(node).is_some()
    }

    /// From when on a node is lost, if it is not ready; always, if it is gone.
    #[must_use]
    pub fn lost_at(&self, node: &str) -> Option<Timestamp> {
        match self.0.get(node) {
            None => Some(Timestamp::from_seconds(0)),
            Some(not_ready_since) => not_ready_since.map(|since| since.after(LOST_AFTER)),
        }
    }
}

impl NodeHealthReader {
    /// Reads what is sent.
    #[must_use]
    pub fn new(nodes: watch::Receiver<Option<Arc<NodeHealth>>>) -> Self {
        Self(nodes)
    }

    /// Where nobody knows of Nodes, none is ever lost.
    #[must_use]
    pub fn unknown() -> Self {
        Self(watch::channel(None).1)
    }

    /// From when on a node is lost, as far as is known.
    #[must_use]
    pub fn lost_at(&self, node: &str) -> Option<Timestamp> {
        self.0.borrow().as_ref()?.lost_at(node)
    }
}

#[cfg(test)]
mod tests;
