//! Serves inbound tunnels of a Pod: TLS with the Pod's certificate, HTTP/2, and its CONNECT requests.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use karez_api::identity::Identity;
use karez_api::outcome::{BadRequest, Closing, Failure, Limit, Outcome, Refusal, Side};
use karez_flow::{Direction, Flow};
use karez_link::{Credential, tls};
use karez_process::handshakes::HandshakePermit;
use karez_process::http2_tls;
use karez_tunnel::deadline_future::DeadlineFuture;
use karez_tunnel::headers::{Forwarded, Target};
use karez_tunnel::read_ahead::ReadAhead;
use karez_tunnel::server::{self, Incoming, Request};
use karez_tunnel::settings::Http2;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::connection::admission::Admission;
use crate::connection::carry::{self, Ends, Far};
use crate::connection::describe;
use crate::connection::inbound::{self, Joined};
use crate::dial;
use crate::pod::ConnectionSlot;
use crate::share::Share;
use crate::validity::Proof;

/// How long a client may take to prove its identity.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that it may send until then, which are kept while a message is incomplete: three times the longest usual
/// certificate chain.
const UNPROVEN_BYTES: usize = 32 * 1024;

/// A tunnel's other end.
#[derive(Debug, Clone)]
struct Client {
    identity: Identity,
    address: SocketAddr,
    /// The address that it dialled: the Pod's end.
    dialled: SocketAddr,
}

type Tunnel = Incoming<TlsStream<ReadAhead<TcpStream>>>;

impl From<Failure> for Unserved {
    fn from(failure: Failure) -> Self {
        Self { identity: None, outcome: failure.into() }
    }
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Self {
        Self { identity: None, outcome: refusal.into() }
    }
}

impl Client {
    /// Begins the record of a request without a valid target.
    fn flow(&self) -> Flow {
        let mut flow = Flow::unknown(Direction::Inbound, self.address, self.dialled);
        describe::proven(&mut flow, Some(&self.identity));
        flow
    }
}

/// A tunnel whose client has proven its identity.
struct Proven {
    tunnel: Tunnel,
    identity: Identity,
    proof: Proof,
}

/// A connection that became no tunnel: the reason, and the client's identity if known.
struct Unserved {
    identity: Option<Identity>,
    outcome: Outcome,
}

/// Serves one connection to port 15008. It takes one of the Pod's slots once its client has proven its identity.
pub(crate) async fn serve(share: Rc<Share>, stream: TcpStream, permit: HandshakePermit) {
    dial::tune(&stream);
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (Ok(address), Ok(dialled)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let (address, dialled) = (canonical(address), canonical(dialled));
    match Box::pin(admit(&share, stream, address, permit)).await {
        Ok((Proven { tunnel, identity, proof }, slot)) => {
            serve_requests(&share, tunnel, Client { identity, address, dialled }, proof).await;
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
) -> Result<(Proven, ConnectionSlot), Unserved> {
    let proven = tokio::select! {
        begun = begin(share, stream, peer) => begun?,
        () = &mut permit => return Err(Refusal::LimitReached { limit: Limit::Handshakes }.into()),
        // A silent client must not keep the Pod's last socket open.
        () = share.pod.gone() => return Err(Refusal::Closing(Closing::PodRemoved).into()),
    };
    match share.pod.take_slot() {
        Ok(slot) => Ok((proven, slot)),
        Err(refusal) => Err(Unserved { identity: Some(proven.identity), outcome: refusal.into() }),
    }
}

/// Runs the TLS and HTTP/2 handshakes.
async fn begin(share: &Share, stream: TcpStream, peer: SocketAddr) -> Result<Proven, Unserved> {
    let credential = share.pod.credential()?;
    let accepted = tokio::time::timeout(TLS_TIMEOUT, accept_tls(share, &credential, stream)).await;
    let late = |_| Failure::Tls { peer, message: "the TLS handshake timed out".to_owned() };
    let mut tls = accepted.map_err(late)?.map_err(|error| tls::failure(&error, peer))?;
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
    let proven =
        tls::peer(chain).ok_or(Failure::WrongIdentity { peer, found: None, expected: Vec::new() })?;
    let proof = Proof::new(&credential, chain);
    tls.get_mut().0.lift_limit();
    let account = share.worker.accounts.of(peer.ip());
    match Box::pin(server::handshake(tls, &Http2::server(), &account)).await {
        Ok(tunnel) => Ok(Proven { tunnel, identity: proven.identity, proof }),
        Err(error) => Err(Unserved {
            identity: Some(proven.identity),
            outcome: Failure::Http2 { peer, message: error.to_string() }.into(),
        }),
    }
}

/// Takes memory for a handshake only once there is something to read: a silent client costs a descriptor and a task.
async fn accept_tls(
    share: &Share,
    credential: &Credential,
    stream: TcpStream,
) -> io::Result<TlsStream<ReadAhead<TcpStream>>> {
    stream.readable().await?;
    let stream = ReadAhead::limited(stream, share.worker.buffers.clone(), UNPROVEN_BYTES);
    Box::pin(http2_tls::accept(stream, credential.server())).await
}

/// Serves requests until the connection ends. Sends GOAWAY when it may take no more.
async fn serve_requests(share: &Rc<Share>, mut tunnel: Tunnel, client: Client, proof: Proof) {
    let leave = pin!(share.must_leave(proof.over(share.pod.certificate.clone())));
    let gone = pin!(share.pod.gone());
    let (mut leave, mut gone) = (DeadlineFuture::new(leave), DeadlineFuture::new(gone));
    loop {
        let next = tokio::select! {
            // The endings first: a peer may send requests without end.
            biased;
            () = &mut gone => {
                tunnel.abort();
                // Tells the peer.
                tunnel.next().await.map(|_| None)
            }
            () = &mut leave => {
                tunnel.graceful_shutdown();
                continue;
            }
            next = tunnel.next() => next,
        };
        match next {
            Ok(Some(request)) => {
                tokio::task::spawn_local(serve_request(Rc::clone(share), request, client.clone()));
            }
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(peer = %client.address, %error, "tunnel broke");
                return;
            }
        }
    }
}

/// Serves one request: answers 200 once the application is connected, else the refusal's status; then carries it.
async fn serve_request(share: Rc<Share>, mut request: Request, client: Client) {
    let (slot, target) = match share.pod.take_slot().and_then(|slot| Ok((slot, target(&request)?))) {
        Ok(begun) => begun,
        Err(refusal) => {
            refuse(request, refusal.status());
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
        Err(outcome) => return refuse(request, status(&outcome)),
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

fn target(request: &Request) -> Result<SocketAddr, Refusal> {
    if !request.is_connect() {
        return Err(Refusal::BadRequest(BadRequest::Method));
    }
    match request.authority().and_then(Target::parse) {
        Some(Target::Address(address)) => Ok(address),
        Some(Target::Name { .. }) | None => Err(Refusal::BadRequest(BadRequest::Authority)),
    }
}

fn status(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Refused(refusal) => refusal.status(),
        Outcome::Failed(_) | Outcome::Done => 503,
    }
}

fn refuse(request: Request, status: u16) {
    request.refuse(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE));
}
