//! Connections that a Pod dials: planned, joined to an endpoint, and carried. Another endpoint is tried while no byte
//! was sent, and all anew while one is about to be captured.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use karez_api::names::port;
use karez_api::outcome::{ConnectError, Failure, Outcome, Refusal, Side};
use karez_capture::original_destination;
use karez_flow::{Direction, Flow, Security};
use karez_hbone::admission::Admission;
use karez_hbone::describe;
use karez_hbone::live::{Dialled, Registration};
use karez_hbone::socket::{self, canonical};
use karez_mesh::plan::{self, Outbound, Plaintext, Tunnel};
use karez_mesh::{Attempts, Workload};
use karez_tunnel::copy::reset_when_closed;
use tokio::net::TcpStream;

use crate::connection::capture_wait::CaptureWait;
use crate::connection::carry::{self, Direct, Ends, Far};
use crate::connection::inbound;
use crate::dial;
use crate::pod::{ConnectionSlot, Pod};
use crate::share::Share;

/// How long a connection to an address of the mesh waits for the configuration to name it.
const UNKNOWN_WAIT: Duration = Duration::from_secs(5);
/// A dial that fails later than this was not refused, so the Pod's other address would fail as slowly.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Serves one connection that the Pod's application dialled.
pub(crate) async fn serve(share: Rc<Share>, client: TcpStream, slot: ConnectionSlot) {
    socket::tune(&client);
    // Reset on refusal too: a FIN would look like an empty reply.
    reset_when_closed(&client);
    let Some((source, destination)) = addresses(&client) else { return };
    let mut flow = Flow::unknown(Direction::Outbound, source, destination);
    flow.source = describe::local(&share.worker.mesh(), &share.pod.member, source);
    let record = share.worker.telemetry.open(flow);
    let (registration, mut ending) = share.worker.live.register(&share.pod, record, Dialled::ByNear);
    let joined = tokio::select! {
        joined = join(&share, &client, source, destination, &registration) => joined,
        refusal = ending.reached() => Err(refusal.into()),
        () = dial::gave_up(&client) => Err(Failure::Reset(Side::Client).into()),
    };
    match joined {
        Ok(far) => {
            let ends = Ends { near: client, far, registration, ending };
            carry::spawn(ends, share.worker.buffers.clone(), slot);
        }
        Err(outcome) => registration.record.finish(outcome),
    }
}

fn addresses(client: &TcpStream) -> Option<(SocketAddr, SocketAddr)> {
    // A client that is gone needs no answer.
    let source = socket::peer(client).ok()?;
    let destination = original_destination(client).map(canonical).or_else(|| socket::local(client).ok())?;
    Some((source, destination))
}

/// Finds the other end, trying one endpoint after another.
async fn join(
    share: &Share,
    client: &TcpStream,
    source: SocketAddr,
    destination: SocketAddr,
    registration: &Registration<Pod>,
) -> Result<Far, Outcome> {
    let mut attempts = Attempts::NONE;
    let mut capture_wait = CaptureWait::default();
    let mut last = None;
    loop {
        let mesh = share.worker.mesh();
        let planned =
            plan::outbound(&mesh, &share.pod.member.local, destination, &attempts, fastrand::u64(..));
        let begun = Instant::now();
        let (target, joined) = match planned {
            Outbound::Refuse(refusal) => match capture_wait.pause(begun, fastrand::u64(..)) {
                Some(pause) => {
                    tokio::time::sleep(pause).await;
                    attempts = Attempts::NONE;
                    continue;
                }
                // The last attempt's error tells more than the lack of endpoints.
                None => return Err(last.unwrap_or_else(|| refusal.into())),
            },
            Outbound::Unknown => {
                wait_for_configuration(share, destination, &attempts).await?;
                continue;
            }
            Outbound::Passthrough { .. } => return pass_through(share, client, destination).await,
            Outbound::Plaintext(plaintext) => {
                registration.record.describe(|flow| describe::plaintext(flow, &plaintext));
                let target = (Arc::clone(&plaintext.workload), plaintext.to);
                (target, to_plaintext(share, &plaintext).await)
            }
            Outbound::SameNode(tunnel) => {
                registration.record.describe(|flow| describe::tunnel(flow, &tunnel, Security::Unknown));
                let target = (Arc::clone(&tunnel.workload), tunnel.next_hop);
                (target, to_neighbour(share, source, &tunnel, registration).await)
            }
            Outbound::Tunnel(tunnel) => {
                registration.record.describe(|flow| describe::tunnel(flow, &tunnel, Security::MutualTls));
                let target = (Arc::clone(&tunnel.workload), tunnel.next_hop);
                (target, through_tunnel(share, source, &tunnel).await)
            }
        };
        match joined {
            Ok(far) => return Ok(far),
            Err(outcome) if may_try_elsewhere(&outcome) => {
                let (workload, address) = target;
                note_attempt(&workload, address, &outcome);
                registration.not_admitted();
                capture_wait.note(&outcome, Instant::now());
                if is_refusal(&outcome, begun.elapsed()) {
                    attempts.refused_at(&workload.uid, address.ip());
                } else {
                    attempts.failed(&workload.uid);
                }
                last = Some(outcome);
            }
            Err(outcome) => return Err(outcome),
        }
    }
}

fn note_attempt(workload: &Workload, address: SocketAddr, outcome: &Outcome) {
    tracing::debug!(workload = %workload.uid, %address, %outcome, "endpoint not reached: trying another");
}

/// Whether the address failed and not the whole workload: it refused, and did so at once.
fn is_refusal(outcome: &Outcome, took: Duration) -> bool {
    let is_no = match outcome {
        Outcome::Failed(Failure::ConnectAnswer { .. }) => true,
        Outcome::Failed(Failure::Connect { reason, .. } | Failure::Application { reason, .. }) => {
            matches!(reason, ConnectError::Refused | ConnectError::Unreachable)
        }
        _ => false,
    };
    is_no && took < AT_ONCE
}

/// Whether another endpoint may do better. The mesh refuses everywhere alike, but not every Pod is full.
fn may_try_elsewhere(outcome: &Outcome) -> bool {
    const UNAVAILABLE: u16 = 503;
    match outcome {
        Outcome::Refused(Refusal::LimitReached { .. }) => true,
        Outcome::Done | Outcome::Refused(_) => false,
        Outcome::Failed(Failure::ConnectAnswer { status, .. }) => *status == UNAVAILABLE,
        Outcome::Failed(Failure::NoSocket | Failure::NoCertificate { .. }) => false,
        Outcome::Failed(failure) => failure.before_first_byte(),
    }
}

async fn wait_for_configuration(
    share: &Share,
    destination: SocketAddr,
    attempts: &Attempts,
) -> Result<(), Outcome> {
    let mut meshes = share.worker.meshes();
    let known = async {
        while matches!(
            plan::outbound(&meshes.borrow_and_update(), &share.pod.member.local, destination, attempts, 0),
            Outbound::Unknown
        ) {
            // Without a writer the process is stopping, and the registration ends the connection.
            if meshes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::time::timeout(UNKNOWN_WAIT, known)
        .await
        .map_err(|_| Refusal::UnknownMeshAddress { address: destination.ip() }.into())
}

async fn pass_through(share: &Share, client: &TcpStream, destination: SocketAddr) -> Result<Far, Outcome> {
    // The client dialled the proxy's port itself, so there is no original destination.
    if socket::local(client).is_ok_and(|local| local == destination) {
        return Err(Refusal::ReservedPort { port: port::OUTBOUND }.into());
    }
    directly(share, destination).await
}

async fn to_plaintext(share: &Share, plaintext: &Plaintext) -> Result<Far, Outcome> {
    directly(share, plaintext.to).await
}

async fn directly(share: &Share, to: SocketAddr) -> Result<Far, Outcome> {
    let slot = share.pod.take_slot()?;
    let socket = dial::connect(&share.pod.stock, to).await?;
    Ok(Far::Direct(Direct { socket, account: Arc::clone(&share.pod.member.account), slot }))
}

async fn through_tunnel(share: &Share, source: SocketAddr, tunnel: &Tunnel) -> Result<Far, Outcome> {
    let headers = describe::headers(&share.worker.mesh(), &share.pod.member.local, source, tunnel);
    let stream = share.tunnels.connect(&share.pod, &share.worker.buffers, tunnel, &headers).await?;
    Ok(Far::Stream(stream))
}

/// Dials another Pod of this process directly: the kernel's namespaces prove both identities. Uses a tunnel if this
/// process does not capture the Pod.
async fn to_neighbour(
    share: &Share,
    source: SocketAddr,
    tunnel: &Tunnel,
    registration: &Registration<Pod>,
) -> Result<Far, Outcome> {
    let Some(neighbour) = share.worker.neighbour(&tunnel.workload.uid) else {
        registration.record.describe(|flow| describe::tunnel(flow, tunnel, Security::MutualTls));
        return through_tunnel(share, source, tunnel).await;
    };
    let peer = Some(share.pod.member.identity.clone());
    // The connection's only record is the client's, which knows the service.
    let admission = Admission { peer, client: source, target: tunnel.authority, host: None };
    let planned = inbound::plan(&share.worker, &neighbour, &admission)?;
    registration.admitted_to(&neighbour, planned.connection.clone());
    inbound::authorize(&share.worker, &neighbour, &planned)?;
    let slot = neighbour.take_slot()?;
    let socket = dial::application(&neighbour.stock, planned.dial, source.ip()).await?;
    Ok(Far::Direct(Direct { socket, account: Arc::clone(&share.pod.member.account), slot }))
}

#[cfg(test)]
mod tests {
    use karez_api::outcome::Limit;

    use super::*;

    #[test]
    fn another_endpoint_is_tried_where_one_is_full_or_away_and_not_where_the_mesh_refuses() {
        let peer = "10.0.0.1:15008".parse().unwrap();
        let answered = |status| Failure::ConnectAnswer { peer, status }.into();
        let elsewhere: [(Outcome, bool); 6] = [
            (Refusal::LimitReached { limit: Limit::Connections }.into(), true),
            (answered(503), true),
            (answered(401), false),
            (Refusal::ReservedPort { port: 15001 }.into(), false),
            (Failure::NoSocket.into(), false),
            (Outcome::Done, false),
        ];
        for (outcome, wanted) in elsewhere {
            assert_eq!(may_try_elsewhere(&outcome), wanted, "{outcome}");
        }
    }

    #[test]
    fn an_address_is_to_blame_where_somebody_says_no_at_once() {
        let at = "10.0.0.1:8080".parse().unwrap();
        let answered = || Failure::ConnectAnswer { peer: at, status: 503 };
        let soon = Duration::from_millis(20);
        let table: [(Failure, Duration, bool); 7] = [
            (answered(), soon, true),
            (answered(), AT_ONCE, false),
            (Failure::Connect { to: at, reason: ConnectError::Refused }, soon, true),
            (Failure::Connect { to: at, reason: ConnectError::Unreachable }, soon, true),
            (Failure::Connect { to: at, reason: ConnectError::TimedOut }, soon, false),
            (Failure::Application { at, reason: ConnectError::Refused }, soon, true),
            (Failure::Tls { peer: at, message: String::new() }, soon, false),
        ];
        for (failure, took, wanted) in table {
            let outcome = Outcome::from(failure);
            assert_eq!(is_refusal(&outcome, took), wanted, "{outcome} after {took:?}");
        }
    }
}
