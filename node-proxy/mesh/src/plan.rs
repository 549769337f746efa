//! Decides where a connection goes.

mod claim;
mod inbound;
mod outbound;
mod waypoint;

pub use claim::claimed_service;
pub use inbound::{InboundPeer, InboundPlan, inbound};
pub use outbound::{Outbound, PassthroughReason, Plaintext, Tunnel, outbound};
