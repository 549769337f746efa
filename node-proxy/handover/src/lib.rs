//! What agent, node proxy and CNI plugin say to each other.
//!
//! Three protocols, each with its decisions as pure state machines and a thin shell of sockets around them:
//!
//! * Karez's own, `proto/handover.proto`: the agent hands Pods and their listening sockets to the node proxy.
//!   [`agent`] is one side, [`node`] the other; [`message`] is what they say
//! * [`stock`], on a socket of its own: the node proxy asks for ready sockets in a Pod's namespace
//! * [`zds`]: Istio's Pod protocol as it is, for a ztunnel in the node proxy's place
//! * [`enrol`]: JSON over HTTP on the agent's Unix socket, by which Pods come into the mesh and leave it
//!
//! [`pod`] and [`listener`] are what all of them speak of; a [`packet`] is bytes with descriptors, and goes through a
//! [`channel`].

pub mod agent;
pub mod channel;
pub mod enrol;
pub mod listener;
pub mod message;
pub mod node;
pub mod packet;
pub mod pod;
pub mod stock;
pub mod zds;

pub use karez_capture::seqpacket::Address;

/// What prost makes of `proto/handover.proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/karez.handover.v1.rs"));
}
