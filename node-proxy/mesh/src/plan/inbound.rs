//! Plans a connection to a Pod of this node.

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

/// The other end of an inbound connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundPeer {
    /// The identity proven by its certificate; `None` for plaintext.
    pub identity: Option<Identity>,
    /// The other end of the TCP connection, the tunnel's for HBONE.
    pub address: SocketAddr,
}

/// The plan of an inbound connection, if policies admit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundPlan {
    /// The application's address.
    pub dial: SocketAddr,
    /// The input of [`authorize`](crate::authz::authorize), now and after each change of policies.
    pub connection: Connection,
    /// The peer's workload, for telemetry: found by its address, and only if the identity agrees.
    pub source: Option<Arc<Workload>>,
    /// The Pod's workload, for telemetry; `None` while the mesh does not know it.
    pub destination: Option<Arc<Workload>>,
}

/// Plans a connection to `pod` that wants `target`: an HBONE request's authority, or a plaintext client's destination.
/// [`authorize`](crate::authz::authorize) decides whether the peer may connect.
///
/// # Errors
/// [`Refusal::NotThisPod`] for an address that is not the Pod's, [`Refusal::ReservedPort`] for a port of the mesh.
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
    // A reassigned address names the wrong workload, while the certificate is certain.
    let agrees = connection.identity.as_ref().is_none_or(|proven| *proven == workload.identity);
    agrees.then_some(workload)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
