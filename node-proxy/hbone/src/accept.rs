//! Makes a tunnel of an accepted connection: TLS with the member's certificate, then HTTP/2.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use karez_api::identity::Identity;
use karez_api::outcome::{Failure, Outcome, Refusal};
use karez_link::{Credential, tls};
use karez_process::http2_tls;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::read_ahead::ReadAhead;
use karez_tunnel::server::{self, Incoming};
use karez_tunnel::settings::Http2;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::accounts::Accounts;
use crate::member::Member;
use crate::proof::Proof;

/// How long a client may take to prove its identity.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that it may send until then, which are kept while a message is incomplete: three times the longest usual
/// certificate chain.
const UNPROVEN_BYTES: usize = 32 * 1024;

/// An accepted tunnel.
pub type Tunnel = Incoming<TlsStream<ReadAhead<TcpStream>>>;

/// A tunnel whose client has proven its identity.
#[derive(Debug)]
pub struct Accepted {
    /// The tunnel.
    pub tunnel: Tunnel,
    /// Its client.
    pub identity: Identity,
    /// How long both ends are proven.
    pub proof: Proof,
}

/// A connection that became no tunnel.
#[derive(Debug)]
pub struct Unserved {
    /// The client, if it has proven who it is.
    pub identity: Option<Identity>,
    /// The reason.
    pub outcome: Outcome,
}

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

/// Runs the TLS and HTTP/2 handshakes with the client at `peer`. What it leaves unread counts in `accounts`.
///
/// # Errors
/// When the member has no certificate, or the client proves no identity in time or does not speak HTTP/2.
pub async fn accept(
    member: &Member,
    stream: TcpStream,
    peer: SocketAddr,
    buffers: &BufferPool,
    accounts: &Accounts,
) -> Result<Accepted, Unserved> {
    let credential = member.credential()?;
    let accepted = tokio::time::timeout(TLS_TIMEOUT, accept_tls(&credential, stream, buffers)).await;
    let late = |_| Failure::Tls { peer, message: "the TLS handshake timed out".to_owned() };
    let mut tls = accepted.map_err(late)?.map_err(|error| tls::failure(&error, peer))?;
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
    let proven =
        tls::peer(chain).ok_or(Failure::WrongIdentity { peer, found: None, expected: Vec::new() })?;
    let proof = Proof::new(&credential, chain);
    tls.get_mut().0.lift_limit();
    let account = accounts.of(peer.ip());
    match Box::pin(server::handshake(tls, &Http2::server(), &account)).await {
        Ok(tunnel) => Ok(Accepted { tunnel, identity: proven.identity, proof }),
        Err(error) => Err(Unserved {
            identity: Some(proven.identity),
            outcome: Failure::Http2 { peer, message: error.to_string() }.into(),
        }),
    }
}

/// Takes memory for a handshake only once there is something to read: a silent client costs a descriptor and a task.
async fn accept_tls(
    credential: &Credential,
    stream: TcpStream,
    buffers: &BufferPool,
) -> io::Result<TlsStream<ReadAhead<TcpStream>>> {
    stream.readable().await?;
    let stream = ReadAhead::limited(stream, buffers.clone(), UNPROVEN_BYTES);
    Box::pin(http2_tls::accept(stream, credential.server())).await
}
