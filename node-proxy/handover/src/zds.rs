//! Istio's Pod protocol between node agent and node proxy, on the agent's side: so that the agent can feed a ztunnel.

pub mod message;
pub mod session;

/// What prost makes of `proto/zds.proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/istio.workload.zds.rs"));
}

pub use crate::agent::serve_zds as serve;
