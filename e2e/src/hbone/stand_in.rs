//! A server in a Pod's place: it answers every CONNECT itself, and keeps what it is sent.

use std::net::{Ipv6Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use karez_lab::Pod;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::pki::Credential;
use super::{runtime, tls};

const HBONE: u16 = 15008;

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct StandIn {
    notes: Notes,
    _runtime: Runtime,
}

/// What came to it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// TCP connections whose client went no further than TLS: why.
    pub refused: Vec<String>,
    /// What was asked for: method and authority.
    pub requests: Vec<String>,
    /// All that came on streams.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Seen>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// Serves tunnels to a Pod, with that certificate.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start(pod: &Pod, credential: &Credential) -> anyhow::Result<Self> {
        Self::start_with(pod, tls::server(credential)?)
    }

    /// The same with a TLS of the test's own.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start_with(pod: &Pod, config: Arc<ServerConfig>) -> anyhow::Result<Self> {
        let acceptor = TlsAcceptor::from(config);
        let listener = pod.namespace().inside(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, HBONE)))?;
        let listener = listener.with_context(|| format!("listening on {HBONE} in {}", pod.name))?;
        listener.set_nonblocking(true)?;
        let runtime = runtime()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let notes = Notes::default();
        let serving = notes.clone();
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, acceptor.clone(), serving.clone()));
            }
        });
        Ok(Self { notes, _runtime: runtime })
    }

    /// What has come so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.notes.lock().clone()
    }
}

async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, notes: Notes) {
    if let Err(reason) = try_serve(tcp, &acceptor, &notes).await {
        notes.lock().refused.push(reason);
    }
}

/// A client that refuses the certificate says so after its own part of the handshake: then HTTP/2 does not begin.
async fn try_serve(tcp: TcpStream, acceptor: &TlsAcceptor, notes: &Notes) -> Result<(), String> {
    let tls = acceptor.accept(tcp).await.map_err(|error| error.to_string())?;
    let mut connection = h2::server::handshake(tls).await.map_err(|error| error.to_string())?;
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(echo(request, respond, notes.clone()));
    }
    Ok(())
}

/// Sends back every byte; a client that goes away is its own affair.
async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, notes: Notes) -> Option<()> {
    notes.lock().requests.push(format!("{} {}", request.method(), request.uri()));
    let mut body = request.into_body();
    let mut send = respond.send_response(Response::new(()), false).ok()?;
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).ok()?;
        notes.lock().bytes.extend_from_slice(&data);
        send.send_data(data, false).ok()?;
    }
    send.send_data(Bytes::new(), true).ok()
}
