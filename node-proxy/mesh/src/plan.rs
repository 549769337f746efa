//! Where a connection goes.

mod inbound;
mod outbound;
mod waypoint;

pub use inbound::{InboundPlan, Peer, inbound};
pub use outbound::{Outbound, PassthroughReason, Plaintext, Tunnel, outbound};
