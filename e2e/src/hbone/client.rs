//! A client that asks for whatever it likes.

use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, PingPong, RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use tokio::runtime::{Handle, Runtime};
use tokio_rustls::TlsConnector;

use super::pki::Credential;
use super::{runtime, soon, tls};

/// Bytes that are read of an answer.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A tunnel: HTTP/2 in TLS.
#[derive(Debug)]
pub struct Tunnel {
    requests: SendRequest<Bytes>,
    pings: PingPong,
    runtime: Runtime,
}

/// A stream of a tunnel.
#[derive(Debug)]
pub struct Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    handle: Handle,
}

impl Tunnel {
    /// Begins one on a TCP connection.
    ///
    /// # Errors
    /// When the other end refuses, or takes too long.
    pub fn open(tcp: TcpStream, credential: &Credential) -> Result<Self> {
        let runtime = runtime()?;
        let connector = TlsConnector::from(tls::client(Some(credential))?);
        tcp.set_nonblocking(true)?;
        let (requests, mut connection) = runtime.block_on(async {
            let tcp = tokio::net::TcpStream::from_std(tcp)?;
            let tls = soon("TLS", connector.connect(tls::server_name(), tcp)).await?;
            soon("HTTP/2", h2::client::handshake(tls)).await
        })?;
        let pings = connection.ping_pong().context("no PING")?;
        // It tells how it ended to every request.
        runtime.spawn(async { connection.await.ok() });
        let mut tunnel = Self { requests, pings, runtime };
        // In TLS 1.3 a client is refused only after its own part of the handshake.
        tunnel.ping()?;
        Ok(tunnel)
    }

    /// Waits for a sign of life.
    ///
    /// # Errors
    /// When none comes.
    pub fn ping(&mut self) -> Result<()> {
        self.runtime.block_on(soon("PING", self.pings.ping(Ping::opaque()))).map(drop)
    }

    /// Asks, and gives the answer and the stream that it came on.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask(&mut self, request: Request<()>) -> Result<(StatusCode, Stream)> {
        let handle = self.runtime.handle().clone();
        let requests = self.requests.clone();
        self.runtime.block_on(async {
            let mut ready = soon("room for a request", requests.ready()).await?;
            let (answer, send) = ready.send_request(request, false)?;
            let (head, receive) = soon("an answer", answer).await?.into_parts();
            Ok((head.status, Stream { send, receive, handle }))
        })
    }

    /// Asks for a connection to `authority`, with headers.
    ///
    /// # Errors
    /// When there is no answer, or such a request cannot be written.
    pub fn connect(&mut self, authority: &str, headers: &[(&str, &str)]) -> Result<(StatusCode, Stream)> {
        let request = Request::builder().method(Method::CONNECT).uri(authority);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.ask(request.body(())?)
    }
}

impl Stream {
    /// Sends `text` to a server that sends back what it gets, and waits for it.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn echoes(&mut self, text: &str) -> Result<()> {
        self.send.send_data(Bytes::copy_from_slice(text.as_bytes()), false)?;
        let back = self.read(text.len())?;
        ensure!(back == text, "{text:?} became {back:?}");
        Ok(())
    }

    /// What comes until there are `enough` bytes, or no more.
    ///
    /// # Errors
    /// When the stream is reset, or nothing comes for too long.
    pub fn read(&mut self, enough: usize) -> Result<String> {
        let mut bytes = Vec::new();
        let receive = &mut self.receive;
        self.handle.block_on(async {
            while bytes.len() < enough.min(LONGEST_ANSWER) {
                let next = async { receive.data().await.transpose() };
                let Some(data) = soon("data", next).await? else { break };
                receive.flow_control().release_capacity(data.len())?;
                bytes.extend_from_slice(&data);
            }
            anyhow::Ok(())
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
