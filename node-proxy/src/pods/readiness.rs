//! The agent's part of readiness: it is connected, and has handed over all Pods of the node. Without the agent no new
//! Pod is carried and the socket stock runs dry, but open connections go on.

use karez_handover::node::PodEvent;
use karez_process::readiness::Condition;

/// Follows the agent: `told` holds from the end of a connection's snapshot until the connection breaks.
pub(crate) fn follow(event: &PodEvent, told: &Condition) {
    match event {
        PodEvent::SnapshotSent => told.met(),
        PodEvent::Disconnected => told.unmet(),
        PodEvent::Connected
        | PodEvent::Added(..)
        | PodEvent::Stopping(_)
        | PodEvent::Resumed(_)
        | PodEvent::Removed(_) => {}
    }
}

#[cfg(test)]
mod tests;
