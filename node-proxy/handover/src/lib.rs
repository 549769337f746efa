//! The protocols between agent, node proxy and CNI plugin.
//!
//! Each protocol has its decisions in pure state machines, with a thin shell of sockets:
//!
//! * Karez's own, `proto/handover.proto`: the agent hands Pods and their listening sockets to the node proxy. [`agent`]
//!   and [`node`] are its sides, [`message`] its messages
//! * [`stock`], on a second socket: the node proxy asks for open sockets in a Pod's namespace
//! * [`zds`]: Istio's unchanged Pod protocol, for a ztunnel as the node proxy
//! * [`enrol`]: JSON over HTTP on the agent's Unix socket, which enrols and removes Pods
//!
//! All share [`pod`] and [`listener`]. A [`packet`] is bytes with descriptors, sent through a [`channel`].

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

/// prost's code for `proto/handover.proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/karez.handover.v1.rs"));
}
