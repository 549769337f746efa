//! A connection after its handshake. Anybody can have one, so one without an authenticated call is ended soon.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use karez_process::handshakes::HandshakePermit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use tracing::debug;

use crate::connect_info::ConnectInfo;

/// From the handshake to the headers of the first authenticated call. Who has a token connects because it has something to ask,
/// and its headers follow the handshake at once: this is several round trips of the slowest link, with packets lost.
const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);
/// From a refusal to the end of the connection: the answer has to reach the client.
const REFUSAL_GRACE: Duration = Duration::from_secs(1);

/// A connection, which counts as one until it is dropped.
#[derive(Debug)]
pub struct Connection<S = TlsStream<TcpStream>> {
    stream: S,
    info: ConnectInfo,
    /// None once somebody has authenticated on it.
    trial: Option<Trial>,
    _slot: OwnedSemaphorePermit,
}

/// A connection on which nobody has authenticated yet: it ends at its deadline, or when it has to give
/// way to others.
#[derive(Debug)]
struct Trial {
    deadline: Pin<Box<Sleep>>,
    permit: HandshakePermit,
}

impl<S> Connection<S> {
    /// It has `slot` until it is dropped.
    pub(super) fn new(
        stream: S,
        address: Option<SocketAddr>,
        slot: OwnedSemaphorePermit,
        permit: HandshakePermit,
    ) -> Self {
        let info = ConnectInfo::new(address);
        let deadline = Box::pin(tokio::time::sleep(AUTHENTICATION_TIMEOUT));
        Self { stream, info, trial: Some(Trial { deadline, permit }), _slot: slot }
    }

    /// An error once its trial is over and nobody has authenticated; until then that wakes whoever asked. Writing asks as well as
    /// reading: a peer that does not read could else keep the connection.
    fn check_trial(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(trial) = &mut self.trial else { return Ok(()) };
        if self.info.is_authenticated() {
            self.trial = None;
            return Ok(());
        }
        if self.info.is_refused() {
            trial.shorten(Instant::now() + REFUSAL_GRACE);
        }
        let Poll::Ready(why) = trial.poll(context) else { return Ok(()) };
        debug!(peer = ?self.info.address(), "{why}");
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }
}

impl Trial {
    fn shorten(&mut self, deadline: Instant) {
        if deadline < self.deadline.deadline() {
            self.deadline.as_mut().reset(deadline);
        }
    }

    /// Ready when it is over: why.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<&'static str> {
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready("closed: no authenticated call in time");
        }
        Pin::new(&mut self.permit)
            .poll(context)
            .map(|()| "closed before an authenticated call: newer connections need the slot")
    }
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.info.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_trial(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_trial(context)?;
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_trial(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_trial(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_trial(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
