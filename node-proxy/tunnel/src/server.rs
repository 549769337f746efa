//! The accepting end: CONNECT requests of one HTTP/2 connection.

mod request;

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::connection::{ConnectionError, State};
use crate::metered::Metered;
use crate::settings::Http2;
use crate::upkeep::{Event, Upkeep};
use crate::window::Account;
use crate::write_behind::WriteBehind;

pub use request::{Abandoned, Request};

/// How long requests are served after the first GOAWAY, longer than any round trip takes. h2 sends the final GOAWAY
/// after a round trip (RFC 9113 section 6.8), unless the peer never answers the PING between them.
const GOAWAY_GRACE: Duration = Duration::from_secs(2);

/// Starts HTTP/2 on an accepted `io`: waits for the peer's preface. Unread bytes of its streams count against
/// `account`.
///
/// # Errors
/// When the peer does not speak HTTP/2, or not in time.
pub async fn handshake<Io>(
    io: Io,
    settings: &Http2,
    account: &Arc<Account>,
) -> Result<Incoming<Io>, ConnectionError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let state = State::new(settings, account);
    let stream_window = settings.clamp_stream_window(settings.stream_window);
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(settings.streams)
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
    let mut connection = begun.map_err(ConnectionError::of)?;
    let upkeep = Upkeep::new(state.clone(), settings, connection.ping_pong());
    Ok(Incoming { connection, outgoing, state, upkeep, goaway: None })
}

/// The requests of one connection. The connection and its streams move only while [`Self::next`] is awaited.
pub struct Incoming<Io> {
    connection: h2::server::Connection<Metered<WriteBehind<Io>>, Bytes>,
    outgoing: WriteBehind<Io>,
    state: Rc<State>,
    upkeep: Upkeep,
    /// When the peer was told to open no more streams.
    goaway: Option<Instant>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Incoming<Io> {
    /// The next request; None when the connection and its streams have ended. Cancel-safe.
    ///
    /// # Errors
    /// When the connection broke: it and its streams are gone.
    pub async fn next(&mut self) -> Result<Option<Request>, ConnectionError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Tells the peer to open no more streams (GOAWAY). [`Self::next`] still serves requests that are on their way, and
    /// ends when all have. Later requests are refused for another connection.
    pub fn graceful_shutdown(&mut self) {
        self.goaway.get_or_insert_with(Instant::now);
        self.connection.graceful_shutdown();
    }

    /// Ends the connection at once, with its streams. Await [`Self::next`] once more to tell the peer.
    pub fn abort(&mut self) {
        self.connection.abrupt_shutdown(h2::Reason::CANCEL);
    }

    /// Streams that are open or wait for our answer.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.state.streams()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Request>, ConnectionError>> {
        self.state.meter.begin_turn();
        loop {
            let connection = &mut self.connection;
            self.state.adjust_windows(|window| connection.set_initial_window_size(window).is_ok());
            let accepted = self.connection.poll_accept(cx);
            // Even after an error: answers to other requests may be written, and their peers wait for them, while
            // nobody waits for the steps below.
            let sent = self.outgoing.poll_send(cx);
            if let Poll::Ready(accepted) = accepted {
                let accepted = accepted.transpose().map_err(ConnectionError::of)?;
                let Some((head, respond)) = accepted else {
                    return Poll::Ready(Ok(None));
                };
                let request = Request::new(head, respond, &self.state);
                if self.goaway.is_some_and(|told| told.elapsed() >= GOAWAY_GRACE) {
                    request.send_elsewhere();
                    continue;
                }
                return Poll::Ready(Ok(Some(request)));
            }
            if let Poll::Ready(Err(error)) = sent {
                return Poll::Ready(Err(ConnectionError::Write(error)));
            }
            match self.upkeep.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Event::Silent) => return Poll::Ready(Err(ConnectionError::Silent)),
                Poll::Ready(Event::Measured) => {}
                Poll::Ready(Event::Idle) => self.graceful_shutdown(),
            }
        }
    }
}

impl<Io> fmt::Debug for Incoming<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<Io> Drop for Incoming<Io> {
    fn drop(&mut self) {
        self.state.end();
    }
}
