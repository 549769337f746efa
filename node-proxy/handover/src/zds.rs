//! The agent's side of Istio's Pod protocol between node agent and node proxy, with which the agent serves a ztunnel.

pub mod message;
pub mod session;

/// prost's code for `proto/zds.proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/istio.workload.zds.rs"));
}

pub use crate::agent::serve_zds as serve;
