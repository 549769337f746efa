//! Describes the ends of a connection, for the log, the metrics, and the headers of a CONNECT.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use karez_api::identity::Identity;
use karez_flow::{Direction, Endpoint, Flow, FlowSide, Locality, Security, Service};
use karez_mesh::object::workload::OwnerKind;
use karez_mesh::plan::{self, InboundPlan, Plaintext, Tunnel};
use karez_mesh::{LocalPod, Mesh, Workload};
use karez_tunnel::headers::{self, Baggage, Forwarded, TraceParent, WorkloadKind};

use crate::admission::Admission;
use crate::member::Member;

/// A member of the mesh that this process carries, at one of its addresses.
#[must_use]
pub fn local(mesh: &Mesh, member: &Member, address: SocketAddr) -> FlowSide {
    let workload = member.local.workload(mesh);
    let mut endpoint = workload.map_or_else(Endpoint::default, |workload| endpoint(workload));
    endpoint.namespace = Some(Arc::clone(&member.local.namespace));
    endpoint.principal = Some(member.identity.clone());
    FlowSide { address, name: Some(Arc::clone(&member.name)), endpoint: endpoint.into() }
}

/// The far end of a tunnel.
pub fn tunnel(flow: &mut Flow, tunnel: &Tunnel, security: Security) {
    flow.destination = remote(&tunnel.workload, tunnel.next_hop);
    flow.authority = Some(tunnel.authority.to_string().into());
    flow.service = tunnel.service.as_deref().map(|found| service(found).into());
    flow.security = security;
}

/// An endpoint that is not in the mesh.
pub fn plaintext(flow: &mut Flow, plaintext: &Plaintext) {
    flow.destination = remote(&plaintext.workload, plaintext.to);
    // An earlier endpoint may have been tried by tunnel.
    flow.authority = None;
    flow.security = Security::Unknown;
    flow.service = plaintext.service.as_deref().map(|found| service(found).into());
}

/// A new inbound connection: its addresses, and its client's proven identity.
#[must_use]
pub fn arriving(admission: &Admission) -> Flow {
    let mut flow = Flow::unknown(Direction::Inbound, admission.client, admission.target);
    proven(&mut flow, admission.peer.as_ref());
    flow
}

/// Both ends of an inbound connection, once it is planned.
pub fn inbound(flow: &mut Flow, mesh: &Mesh, member: &Member, planned: &InboundPlan, admission: &Admission) {
    flow.destination = local(mesh, member, planned.dial);
    let came_by = |host: &str| plan::claimed_service(mesh, &member.local, host, planned.dial.port());
    flow.service = admission.host.as_deref().and_then(came_by).map(|found| service(found).into());
    if let Some(workload) = &planned.source {
        flow.source = remote(workload, admission.client);
    }
    proven(flow, admission.peer.as_ref());
}

/// The identity of a client's certificate, which overrides the workload at its address. None for plaintext.
pub fn proven(flow: &mut Flow, client: Option<&Identity>) {
    flow.security = if client.is_some() { Security::MutualTls } else { Security::Unknown };
    let endpoint = Arc::make_mut(&mut flow.source.endpoint);
    endpoint.principal = client.cloned();
    if let Some(identity) = client {
        endpoint.namespace = Some(identity.namespace().into());
    }
}

/// The headers of a CONNECT of `pod` for `client`.
#[must_use]
pub fn headers(mesh: &Mesh, pod: &LocalPod, client: SocketAddr, tunnel: &Tunnel) -> HeaderMap {
    let host = tunnel.service.as_ref().map(|service| service.name.hostname.as_ref().to_owned());
    let forwarded = Forwarded { client: Some(client), host };
    let trace = TraceParent::new(fastrand::u128(1..), fastrand::u64(1..));
    headers::render(&forwarded, &baggage(mesh, pod), trace)
}

fn baggage(mesh: &Mesh, pod: &LocalPod) -> Baggage {
    let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let namespace = Some(pod.namespace.as_ref().to_owned());
    let Some(workload) = pod.workload(mesh) else {
        return Baggage { namespace, ..Baggage::default() };
    };
    let labels = workload.labels();
    Baggage {
        cluster: owned(&workload.cluster),
        namespace,
        workload: labels.workload.map(|name| (kind(workload.owner_kind), name.to_owned())),
        service: owned(&workload.canonical_name),
        version: owned(&workload.canonical_revision),
        region: owned(&workload.locality.region),
        zone: owned(&workload.locality.zone),
    }
}

fn kind(kind: OwnerKind) -> WorkloadKind {
    match kind {
        OwnerKind::Deployment => WorkloadKind::Deployment,
        OwnerKind::CronJob => WorkloadKind::CronJob,
        OwnerKind::Pod => WorkloadKind::Pod,
        OwnerKind::Job => WorkloadKind::Job,
    }
}

fn remote(workload: &Workload, address: SocketAddr) -> FlowSide {
    let mut endpoint = endpoint(workload);
    endpoint.principal = Some(workload.identity.clone()).filter(|_: &Identity| is_meshed(workload));
    FlowSide { address, name: known(&workload.name), endpoint: endpoint.into() }
}

/// Only a mesh peer proves an identity.
fn is_meshed(workload: &Workload) -> bool {
    workload.protocol == karez_mesh::object::workload::Protocol::Hbone
}

fn endpoint(workload: &Workload) -> Endpoint {
    let owner = if workload.owner_name.is_empty() { &workload.name } else { &workload.owner_name };
    Endpoint {
        workload: known(owner),
        namespace: known(&workload.namespace),
        principal: None,
        canonical_service: known(&workload.canonical_name),
        canonical_revision: known(&workload.canonical_revision),
        app: known(&workload.canonical_name),
        version: known(&workload.canonical_revision),
        cluster: known(&workload.cluster),
        locality: Locality { region: known(&workload.locality.region), zone: known(&workload.locality.zone) },
    }
}

fn service(service: &karez_mesh::Service) -> Service {
    Service {
        hostname: Arc::clone(&service.name.hostname),
        name: Arc::clone(&service.short_name),
        namespace: Arc::clone(&service.name.namespace),
    }
}

fn known(text: &Arc<str>) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| Arc::clone(text))
}
