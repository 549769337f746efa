//! Serves inbound tunnels of a Pod: TLS with the Pod's certificate, HTTP/2, and its CONNECT requests.

use std::net::SocketAddr;
use std::rc::Rc;

use karez_api::identity::Identity;
use karez_api::outcome::{Closing, Failure, Limit, Refusal, Side};
use karez_flow::{Direction, Flow};
use karez_hbone::accept::{self, Accepted, Unserved};
use karez_hbone::admission::Admission;
use karez_hbone::{describe, requests, socket};
use karez_process::handshakes::HandshakePermit;
use karez_tunnel::headers::Forwarded;
use karez_tunnel::server::Request;
use tokio::net::TcpStream;

use crate::connection::carry::{self, Ends, Far};
use crate::connection::inbound::{self, Joined};
use crate::pod::ConnectionSlot;
use crate::share::Share;

/// A tunnel's other end.
#[derive(Debug, Clone)]
struct Client {
    identity: Identity,
    address: SocketAddr,
    /// The address that it dialled: the Pod's end.
    dialled: SocketAddr,
}

impl Client {
    /// Begins the record of a request without a valid target.
    fn flow(&self) -> Flow {
        let mut flow = Flow::unknown(Direction::Inbound, self.address, self.dialled);
        describe::proven(&mut flow, Some(&self.identity));
        flow
    }
}

/// Serves one connection to port 15008. It takes one of the Pod's slots once its client has proven its identity.
pub(crate) async fn serve(share: Rc<Share>, stream: TcpStream, permit: HandshakePermit) {
    socket::tune(&stream);
    let (Ok(address), Ok(dialled)) = (socket::peer(&stream), socket::local(&stream)) else { return };
    match Box::pin(admit(&share, stream, address, permit)).await {
        Ok((accepted, slot)) => {
            serve_requests(&share, accepted, address, dialled).await;
            drop(slot);
        }
        Err(Unserved { identity, outcome }) => {
            let mut flow = Flow::unknown(Direction::Inbound, address, dialled);
            describe::proven(&mut flow, identity.as_ref());
            share.worker.telemetry.open(flow).finish(outcome);
        }
    }
}

/// Establishes a tunnel with a proven client, and takes its slot.
async fn admit(
    share: &Share,
    stream: TcpStream,
    peer: SocketAddr,
    mut permit: HandshakePermit,
) -> Result<(Accepted, ConnectionSlot), Unserved> {
    let worker = &share.worker;
    let accepted = tokio::select! {
        accepted = accept::accept(&share.pod.member, stream, peer, &worker.buffers, &worker.accounts) => accepted?,
        () = &mut permit => return Err(Refusal::LimitReached { limit: Limit::Handshakes }.into()),
        // A silent client must not keep the Pod's last socket open.
        () = share.pod.gone() => return Err(Refusal::Closing(Closing::PodRemoved).into()),
    };
    match share.pod.take_slot() {
        Ok(slot) => Ok((accepted, slot)),
        Err(refusal) => Err(Unserved { identity: Some(accepted.identity), outcome: refusal.into() }),
    }
}

/// Serves requests until the connection ends. Sends GOAWAY when it may take no more.
async fn serve_requests(share: &Rc<Share>, accepted: Accepted, address: SocketAddr, dialled: SocketAddr) {
    let Accepted { tunnel, identity, proof } = accepted;
    let client = Client { identity, address, dialled };
    let leave = share.must_leave(proof.over(share.pod.member.certificate.clone()));
    let answer = |request| {
        tokio::task::spawn_local(serve_request(Rc::clone(share), request, client.clone()));
    };
    if let Err(error) = requests::serve(tunnel, leave, share.pod.gone(), answer).await {
        tracing::debug!(peer = %address, %error, "tunnel broke");
    }
}

/// Serves one request: answers 200 once the application is connected, else the refusal's status; then carries it.
async fn serve_request(share: Rc<Share>, mut request: Request, client: Client) {
    let begun = share.pod.take_slot().and_then(|slot| Ok((slot, requests::target(&request)?)));
    let (slot, target) = match begun {
        Ok(begun) => begun,
        Err(refusal) => {
            requests::refuse(request, &refusal.clone().into());
            share.worker.telemetry.open(client.flow()).finish(refusal);
            return;
        }
    };
    let host = Forwarded::from_headers(request.headers()).and_then(|forwarded| forwarded.host);
    request.forget();
    let admission = Admission { peer: Some(client.identity), client: client.address, target, host };
    let given_up = async {
        let _abandoned = request.abandoned().await;
    };
    let Joined { application, registration, ending } = match inbound::join(&share, &admission, given_up).await
    {
        Ok(joined) => joined,
        Err(outcome) => return requests::refuse(request, &outcome),
    };
    match request.accept() {
        Ok(stream) => {
            let ends = Ends { near: application, far: Far::Stream(stream), registration, ending };
            carry::spawn(ends, share.worker.buffers.clone(), slot);
        }
        Err(error) => {
            tracing::debug!(peer = %client.address, %error, "the client cancelled the request");
            registration.record.finish(Failure::Reset(Side::Client));
        }
    }
}
