//! Tunnels that a member's connections share: dialled by it, proven by its certificate, pooled by destination.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use karez_api::identity::Identity;
use karez_api::outcome::{BadRequest, Failure, Limit, Outcome, Refusal};
use karez_link::tls;
use karez_mesh::Mesh;
use karez_mesh::plan::Tunnel;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::client::{self, ConnectError, Connection, Driver};
use karez_tunnel::pool::{Limits, Pool, PoolError};
use karez_tunnel::read_ahead::ReadAhead;
use karez_tunnel::settings::Http2;
use karez_tunnel::{Stream, StreamError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::member::Member;
use crate::proof::Proof;

/// How long a stream may take from dial to answer. The far end takes at most 20 s to admit and connect it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// Opens the TCP connections of a member's tunnels.
pub trait Dialler: 'static {
    /// Whose tunnels they are.
    fn member(&self) -> &Member;

    /// Connects to the address.
    ///
    /// # Errors
    /// Why there is no connection.
    fn dial(&self, to: SocketAddr) -> impl Future<Output = Result<TcpStream, Failure>>;
}

/// Connections from one member to one workload's address with the same accepted identities share a tunnel. Each
/// member has its own pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    workload: Arc<str>,
    next_hop: SocketAddr,
    accepted: Arc<[Identity]>,
}

/// The tunnels of one member on one worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tunnels {
    pool: Pool<Key, Arc<Failure>>,
}

type Dialled = (Connection, Driver<TlsStream<ReadAhead<TcpStream>>>);

impl Tunnels {
    /// No tunnels.
    #[must_use]
    pub fn new() -> Self {
        let spawn = |task| {
            tokio::task::spawn_local(task);
        };
        Self { pool: Pool::new(Limits::default(), spawn) }
    }

    /// Opens a stream to the plan's destination.
    ///
    /// # Errors
    /// The reason there is none.
    pub async fn connect<D: Dialler>(
        &self,
        dialler: &Arc<D>,
        buffers: &BufferPool,
        tunnel: &Tunnel,
        headers: &HeaderMap,
    ) -> Result<Stream, Outcome> {
        let key = Key {
            workload: Arc::clone(&tunnel.workload.uid),
            next_hop: tunnel.next_hop,
            accepted: tunnel.accepted.clone().into(),
        };
        // An address and a port always make an authority.
        let authority = Authority::try_from(tunnel.authority.to_string())
            .map_err(|_| Refusal::BadRequest(BadRequest::Authority))?;
        let dial = || dial(Arc::clone(dialler), buffers.clone(), key.clone());
        let connected = self.pool.connect(&key, &authority, headers, dial);
        let peer = tunnel.next_hop;
        let late = |_| Failure::Http2 { peer, message: "the CONNECT timed out".to_owned() };
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, connected).await.map_err(late)?;
        answered.map_err(|error| outcome(error, peer))
    }

    /// Ends the tunnels to workloads that have left the mesh.
    pub fn close_removed(&self, mesh: &Mesh) {
        self.pool.close(|key| mesh.workload(&key.workload).is_none());
    }

    /// Ends all tunnels at once.
    pub fn close_all(&self) {
        self.pool.close(|_| true);
    }

    /// Opens no more streams. Each tunnel ends after its last.
    pub fn retire(&self) {
        self.pool.retire(|_| true);
    }

    /// Open tunnels.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.pool.stats().connections
    }
}

impl Default for Tunnels {
    fn default() -> Self {
        Self::new()
    }
}

async fn dial<D: Dialler>(dialler: Arc<D>, buffers: BufferPool, key: Key) -> Result<Dialled, Arc<Failure>> {
    handshake(&*dialler, buffers, &key).await.map_err(Arc::new)
}

/// TCP, TLS and HTTP/2 to the far end.
async fn handshake(dialler: &impl Dialler, buffers: BufferPool, key: &Key) -> Result<Dialled, Failure> {
    let (member, peer) = (dialler.member(), key.next_hop);
    let credential = member.credential()?;
    let tcp = dialler.dial(peer).await?;
    let connector = TlsConnector::from(credential.client(&key.accepted));
    let io = ReadAhead::new(tcp, buffers);
    let tls = within(connector.connect(tls::server_name(), io))
        .await
        .map_err(|error| tls::failure(&error, peer))?;
    let proof = Proof::new(&credential, tls.get_ref().1.peer_certificates().unwrap_or_default());
    let (connection, driver) = client::handshake(tls, &Http2::client(), &member.account)
        .await
        .map_err(|error| Failure::Http2 { peer, message: error.to_string() })?;
    Ok((connection, driver.retire_when(proof.over(member.certificate.clone()))))
}

async fn within<T>(handshake: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    const TLS_TIMEOUT: Duration = Duration::from_secs(10);
    tokio::time::timeout(TLS_TIMEOUT, handshake).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the TLS handshake timed out"))
    })
}

fn outcome(error: PoolError<Arc<Failure>>, peer: SocketAddr) -> Outcome {
    match error {
        PoolError::Dial(failure) => Failure::clone(&failure).into(),
        PoolError::Connect(ConnectError::Status(status)) => {
            Failure::ConnectAnswer { peer, status: status.as_u16() }.into()
        }
        // In TLS 1.3 the client's handshake ends first (RFC 8446 section 2), so a server's refusal arrives only now.
        PoolError::Connect(ConnectError::Broken(StreamError::Io(error))) if tls::is_failure(&error) => {
            tls::failure(&error, peer).into()
        }
        PoolError::Connect(error) => Failure::Http2 { peer, message: error.to_string() }.into(),
        PoolError::Full => Refusal::LimitReached { limit: Limit::Connections }.into(),
        PoolError::Closed => Failure::Http2 { peer, message: "closed while connecting".to_owned() }.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::AlertDescription::AccessDenied;

    use super::*;

    #[test]
    fn a_server_that_refuses_after_the_clients_handshake_has_refused_tls() {
        let peer = "10.0.0.1:15008".parse().unwrap();
        let broken = |error: io::Error| {
            let error = ConnectError::Broken(StreamError::Io(Arc::new(error)));
            outcome(PoolError::Connect(error), peer).flag()
        };
        let refused = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::AlertReceived(AccessDenied));
        assert_eq!(broken(refused), "TLS_FAILURE");
        assert_eq!(broken(io::ErrorKind::ConnectionReset.into()), "H2_HANDSHAKE_FAILURE");
    }
}
