//! Keeps which nodes are ready as the watch of Nodes says.

use std::sync::Arc;

use karez_resources::node::Node;
use karez_resources::{Kind, Resource};
use karez_translate::Delta;
use tokio::sync::watch;

use super::watch::Observer;
use crate::ca::Timestamp;
use crate::node_health::{NodeHealth, NodeHealthReader};

/// What is known of the Nodes.
#[derive(Debug)]
pub(super) struct NodeWatch {
    nodes: Arc<NodeHealth>,
    /// None before all have been seen once.
    current: watch::Sender<Option<Arc<NodeHealth>>>,
}

impl NodeWatch {
    pub(super) fn new() -> (Self, NodeHealthReader) {
        let (current, reader) = watch::channel(None);
        (Self { nodes: Arc::default(), current }, NodeHealthReader::new(reader))
    }
}

impl Observer for NodeWatch {
    fn observe(&mut self, deltas: &[Delta], listed: bool) {
        let mut next = NodeHealth::clone(&self.nodes);
        let mut is_news = listed;
        for delta in deltas {
            is_news |= match delta {
                Delta::Set { resource, .. } => match &**resource {
                    Resource::Node(node) => next.set(&node.name, not_ready_since(node)),
                    _ => false,
                },
                Delta::Unreadable { key, .. } => key.kind == Kind::Node && next.note(&key.name),
                Delta::Gone(key) => key.kind == Kind::Node && next.remove(&key.name),
            };
        }
        if is_news {
            self.nodes = Arc::new(next);
        }
        let nodes = &self.nodes;
        self.current.send_if_modified(|current| {
            let is_due = is_news && (listed || current.is_some());
            if is_due {
                *current = Some(Arc::clone(nodes));
            }
            is_due
        });
    }
}

fn not_ready_since(node: &Node) -> Option<Timestamp> {
    node.not_ready_since.map(|seconds| Timestamp::from_seconds(seconds.try_into().unwrap_or(0)))
}

#[cfg(test)]
mod tests;
