//! The controller's one port: TLS, with a certificate of the mesh's own authority.
//!
//! * [`server_certificate`] – that certificate, renewed and replaced while the port is open
//! * [`connection`] – a connection after its handshake, and when it is ended

mod connection;
mod server_certificate;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use karez_process::drain::Drain;
use karez_process::handshakes::{HandshakeLimiter, HandshakePermit};
use karez_process::http2_tls;
use rustls::ServerConfig;
use rustls::version::TLS13;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tracing::{debug, warn};

pub use connection::Connection;
pub use server_certificate::{CertificateError, CurrentCertificate, ServerCertificate};

/// Limit of connections, beside the unproven ones; others wait in the listener's queue.
const CONNECTION_LIMIT: usize = 8192;
/// Limit of connections without an authenticated call; the source with most of them gives way.
const UNPROVEN_LIMIT: usize = 1024;
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Before accepting again after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Accepted connections that wait for the server to take them.
const QUEUE: usize = 16;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    connections: usize,
    unproven: usize,
}

impl Bounds {
    /// As the limit of open files allows: half of it for those who have authenticated, an eighth for the unproven.
    #[must_use]
    pub fn of(open_files: u64) -> Self {
        let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
        Self {
            connections: (open_files / 2).clamp(1, CONNECTION_LIMIT),
            unproven: (open_files / 8).clamp(1, UNPROVEN_LIMIT),
        }
    }
}

/// TLS 1.3 and HTTP/2, with whatever certificate is current at each handshake.
///
/// # Errors
/// When the cryptography of this build does not know TLS 1.3.
pub fn server_config(certificate: Arc<CurrentCertificate>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// Accepts connections and does their handshakes side by side, until the drain starts.
pub fn accept(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    bounds: Bounds,
    drain: Drain,
) -> (impl Future<Output = ()>, mpsc::Receiver<io::Result<Connection>>) {
    let (ready, accepted) = mpsc::channel(QUEUE);
    let accepting = async move {
        tokio::select! {
            () = accept_all(&listener, &config, bounds, &ready) => {}
            () = drain.started() => {}
        }
    };
    (accepting, accepted)
}

async fn accept_all(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    bounds: Bounds,
    ready: &mpsc::Sender<io::Result<Connection>>,
) {
    let slots = Arc::new(Semaphore::new(bounds.connections + bounds.unproven));
    let limiter = HandshakeLimiter::new(bounds.unproven);
    let mut handshakes = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => match limiter.admit(peer.ip()) {
                Some(permit) => {
                    handshakes.spawn(handshake(stream, slot, permit, Arc::clone(config), ready.clone()));
                }
                None => debug!(%peer, "refused: too many connections have not authenticated"),
            },
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while handshakes.try_join_next().is_some() {}
    }
}

async fn handshake(
    stream: TcpStream,
    slot: OwnedSemaphorePermit,
    mut permit: HandshakePermit,
    config: Arc<ServerConfig>,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let peer = stream.peer_addr().ok();
    // Small messages both ways: Nagle's algorithm would only delay them. The connection works without it too.
    let _ = stream.set_nodelay(true);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, http2_tls::accept(stream, config)) => shaken,
        () = &mut permit => {
            debug!(?peer, "closed before its TLS handshake: newer connections need the slot");
            return;
        }
    };
    match shaken {
        // The server takes no more once it has ended.
        Ok(Ok(stream)) => drop(ready.send(Ok(Connection::new(stream, peer, slot, permit))).await),
        Ok(Err(error)) => debug!(?peer, %error, "the TLS handshake failed"),
        Err(_) => debug!(?peer, "no TLS handshake within {HANDSHAKE_TIMEOUT:?}: closed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_of_open_files_leaves_some_for_the_rest() {
        for (open_files, connections, unproven) in
            [(1 << 20, 8192, 1024), (20_000, 8192, 1024), (1024, 512, 128), (64, 32, 8), (0, 1, 1)]
        {
            assert_eq!(Bounds::of(open_files), Bounds { connections, unproven }, "{open_files}");
        }
    }
}
