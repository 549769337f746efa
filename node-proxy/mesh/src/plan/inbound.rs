//! Plans a connection that arrives at a Pod of this node.

use std::net::SocketAddr;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::names::port;
use karez_api::outcome::Refusal;

use crate::authz::Connection;
use crate::object::workload::Workload;
use crate::pod::LocalPod;
use crate::state::Mesh;
use crate::viewpoint::Viewpoint;

/// Who is at the other end of an inbound connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundPeer {
    /// What its certificate proves; `None` for plaintext.
    pub identity: Option<Identity>,
    /// The other end of the TCP connection, the tunnel's for HBONE.
    pub address: SocketAddr,
}

/// What an inbound connection is, if policies admit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundPlan {
    /// The application's address.
    pub dial: SocketAddr,
    /// What [`authorize`](crate::authz::authorize) is to be asked, now and again when policies change.
    pub connection: Connection,
    /// The peer's workload, for telemetry: known by its address, and only if the identity agrees.
    pub source: Option<Arc<Workload>>,
    /// The Pod's workload, for telemetry; `None` while the mesh has not heard of it.
    pub destination: Option<Arc<Workload>>,
}

/// Decides what a connection is that arrives at `pod` and wants `target`: an HBONE request's authority, or the address
/// that a plaintext client dialled. Whether the peer may connect is [`authorize`](crate::authz::authorize)'s to say.
///
/// # Errors
/// [`Refusal::NotThisPod`] when the address is not the Pod's, [`Refusal::ReservedPort`] when the port is the mesh's own.
pub fn inbound(
    mesh: &Mesh,
    pod: &LocalPod,
    target: SocketAddr,
    peer: &InboundPeer,
) -> Result<InboundPlan, Refusal> {
    let target = canonical(target);
    if !pod.has(target.ip()) {
        return Err(Refusal::NotThisPod { address: target });
    }
    if port::RESERVED.contains(&target.port()) {
        return Err(Refusal::ReservedPort { port: target.port() });
    }
    let source = canonical(peer.address);
    let connection = Connection { identity: peer.identity.clone(), source: source.ip(), destination: target };
    Ok(InboundPlan {
        dial: target,
        source: source_workload(mesh, pod, &connection).cloned(),
        destination: pod.workload(mesh).cloned(),
        connection,
    })
}

fn source_workload<'a>(
    mesh: &'a Mesh,
    pod: &'a LocalPod,
    connection: &Connection,
) -> Option<&'a Arc<Workload>> {
    let workload = Viewpoint::new(mesh, pod).workload_at(connection.source)?;
    // An address that changed hands names the wrong workload; what the certificate says is certain.
    let agrees = connection.identity.as_ref().is_none_or(|proven| *proven == workload.identity);
    agrees.then_some(workload)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
