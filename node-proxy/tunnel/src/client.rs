//! The dialling end: CONNECT streams on one HTTP/2 connection.

mod driver;

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::uri::Authority;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::connection::{ConnectionError, State, StreamSlot};
use crate::metered::Metered;
use crate::settings::Http2;
use crate::stream::{Stream, StreamError};
use crate::window::Account;
use crate::write_behind::WriteBehind;

pub use driver::Driver;

/// Starts HTTP/2 on `io`. Nothing moves unless the [`Driver`] is polled (spawned). The connection ends with a GOAWAY
/// when the last [`Connection`] and the last stream are gone. Unread bytes of its streams count against `account`.
///
/// # Errors
/// When the preface cannot be written in time.
pub async fn handshake<Io>(
    io: Io,
    settings: &Http2,
    account: &Arc<Account>,
) -> Result<(Connection, Driver<Io>), ConnectionError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let state = State::new(settings, account);
    let stream_window = settings.clamp_stream_window(settings.stream_window);
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(stream_window)
        .initial_connection_window_size(settings.connection_window())
        .max_frame_size(settings.frame)
        .max_header_list_size(settings.header_list)
        .max_send_buffer_size(settings.send_buffer)
        .max_concurrent_reset_streams(settings.known_resets)
        .max_pending_accept_reset_streams(settings.unseen_resets)
        .max_local_error_reset_streams(Some(settings.error_resets));
    let io = WriteBehind::new(io);
    let outgoing = io.handle();
    let io = Metered::new(io, state.meter.clone());
    let begun = timeout(settings.handshake_timeout, outgoing.drive(builder.handshake(io))).await;
    let begun = begun.map_err(|_| ConnectionError::HandshakeTimeout)?;
    let (request, connection) = begun.map_err(ConnectionError::of)?;
    let driver = Driver::new(connection, outgoing, state.clone(), settings);
    Ok((Connection { request, state, streams: settings.streams as usize }, driver))
}

/// A handle on a connection. Clones share it.
#[derive(Debug, Clone)]
pub struct Connection {
    request: SendRequest<Bytes>,
    state: Rc<State>,
    streams: usize,
}

/// Why a CONNECT did not become a stream.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The peer answered with another status than 200.
    #[error("the peer answered {0} to the CONNECT")]
    Status(StatusCode),
    /// The connection has as many streams as its settings allow.
    #[error("the connection has no room for another stream")]
    Full,
    /// The connection ended, or was about to, before the peer processed the CONNECT. Another connection can take it.
    #[error("the connection is going away")]
    GoingAway,
    /// The stream or connection broke before the answer.
    #[error("the CONNECT broke: {0}")]
    Broken(#[from] StreamError),
    /// This side ended the connection.
    #[error("the connection was ended by the mesh")]
    Aborted,
}

impl ConnectError {
    /// Whether the peer certainly did not process the CONNECT, so that it may be sent again elsewhere.
    #[must_use]
    pub fn is_unprocessed(&self) -> bool {
        matches!(self, Self::Full | Self::GoingAway)
    }

    /// Whether the connection was lost before the answer. The peer may have started on the CONNECT, but the application
    /// has sent nothing yet. On a connection that had been quiet, the loss says nothing about the peer.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Broken(StreamError::Io(_) | StreamError::Connection(_)))
    }

    /// Maps h2's error while an answer was awaited (RFC 9113 section 8.7: when to send again).
    fn awaiting(error: h2::Error, slot: &StreamSlot) -> Self {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        // h2 passes the peer's GOAWAY only to streams that it names as unprocessed.
        let unseen = error.is_go_away() && error.is_remote();
        if refused || unseen { Self::GoingAway } else { Self::Broken(slot.broken(error)) }
    }
}

/// The peer did not answer a PING in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer of a pooled connection does not answer")]
pub struct Unanswered;

impl Connection {
    /// Opens a stream to `authority`.
    ///
    /// # Errors
    /// By what the caller can do about it: see [`ConnectError`].
    pub async fn connect(&self, authority: Authority, headers: HeaderMap) -> Result<Stream, ConnectError> {
        match self.reserve() {
            Some(slot) => slot.connect(authority, headers).await,
            None if self.is_usable() => Err(ConnectError::Full),
            None => Err(ConnectError::GoingAway),
        }
    }

    /// Reserves a slot for a stream, if there is room and the connection is usable.
    #[must_use]
    pub fn reserve(&self) -> Option<Reservation> {
        (self.has_room() && self.is_usable())
            .then(|| Reservation { request: self.request.clone(), slot: StreamSlot::take(&self.state) })
    }

    /// Whether streams can be opened: neither side has sent GOAWAY, and the transport still works.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        // A fresh handle has nothing pending, so it is ready at once or never.
        let mut fresh = self.request.clone();
        let ready = fresh.poll_ready(&mut Context::from_waker(Waker::noop()));
        let closing = self.state.is_ended() || self.state.is_aborted() || self.state.is_retired();
        !closing && matches!(ready, Poll::Ready(Ok(())))
    }

    /// Whether both our settings and the peer's allow another stream.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.streams() < self.streams.min(self.request.current_max_send_streams())
    }

    /// Streams that are open or opening.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.state.streams()
    }

    /// Since when no stream has been open; None while one is.
    #[must_use]
    pub fn idle_since(&self) -> Option<Instant> {
        (self.streams() == 0).then(|| self.state.idle_since())
    }

    /// When the peer was last heard.
    #[must_use]
    pub fn heard(&self) -> Instant {
        self.state.heard.get()
    }

    /// Sends a PING and waits for the answer.
    ///
    /// # Errors
    /// When no answer comes `within` the time.
    pub async fn probe(&self, within: Duration) -> Result<(), Unanswered> {
        let mut answered = std::pin::pin!(self.state.answered.notified());
        answered.as_mut().enable();
        self.state.want_ping();
        if !self.is_usable() || timeout(within, answered).await.is_err() || !self.is_usable() {
            return Err(Unanswered);
        }
        Ok(())
    }

    /// Opens no more streams. Open ones go on.
    pub(crate) fn retire(&self) {
        self.state.retire();
    }

    /// Ends the connection at once and resets its streams. All its handles become unusable.
    pub fn abort(&self) {
        self.state.abort();
    }

    /// Waits until no stream is open, or the connection has ended.
    pub(crate) async fn idle(&self) {
        while self.streams() > 0 && !self.state.is_ended() {
            self.state.idle.notified().await;
        }
    }
}

/// A slot for one stream. Dropping it frees the slot.
#[derive(Debug)]
pub struct Reservation {
    request: SendRequest<Bytes>,
    slot: StreamSlot,
}

impl Reservation {
    /// Opens the stream; see [`Connection::connect`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(mut self, authority: Authority, headers: HeaderMap) -> Result<Stream, ConnectError> {
        let unless_aborted =
            |error| if self.slot.state().is_aborted() { ConnectError::Aborted } else { error };
        let (answer, send) = self
            .request
            .send_request(connect_request(authority, headers), false)
            .map_err(|_| unless_aborted(ConnectError::GoingAway))?;
        // Our handle must not keep an idle connection from ending.
        drop(self.request);
        let answered =
            answer.await.map_err(|error| unless_aborted(ConnectError::awaiting(error, &self.slot)))?;
        let (head, body) = answered.into_parts();
        if head.status != StatusCode::OK {
            return Err(ConnectError::Status(head.status));
        }
        Ok(Stream::new(send, body, self.slot))
    }
}

/// RFC 9113 section 8.5: only `:method` and `:authority`.
fn connect_request(authority: Authority, headers: HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::from(authority);
    *request.headers_mut() = headers;
    request
}
