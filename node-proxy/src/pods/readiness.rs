//! What readiness asks of the agent: that it is there, and has told of all Pods of the node. Without it no new Pod is carried and
//! the stock of sockets runs dry, though what is carried goes on.

use karez_handover::node::PodEvent;
use karez_process::readiness::Condition;

/// Follows the agent: `told` holds from the end of a connection's snapshot until the connection breaks.
pub(crate) fn follow(event: &PodEvent, told: &Condition) {
    match event {
        PodEvent::SnapshotSent => told.met(),
        PodEvent::Disconnected => told.unmet(),
        PodEvent::Connected | PodEvent::Added(..) | PodEvent::Stopping(_) | PodEvent::Removed(_) => {}
    }
}

#[cfg(test)]
mod tests;
