//! What the pool needs of a connection, whatever carries it.

use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use tokio::time::Instant;

use crate::client::{ConnectError, Connection, Reservation, Unanswered};
use crate::stream::Stream;

/// A handle on a connection that carries CONNECT streams. Clones share it.
pub trait Transport: Clone + 'static {
    /// A slot for one stream. Dropping it frees the slot.
    type Slot;
    /// An open stream.
    type Stream;

    /// Whether streams can be opened: neither side is leaving, and the connection still works.
    fn is_usable(&self) -> bool;

    /// Reserves a slot for a stream, if there is room and the connection is usable.
    fn reserve(&self) -> Option<Self::Slot>;

    /// Opens the stream of a slot.
    ///
    /// # Errors
    /// By what the caller can do about it: see [`ConnectError`].
    fn open(
        slot: Self::Slot,
        authority: Authority,
        headers: HeaderMap,
    ) -> impl Future<Output = Result<Self::Stream, ConnectError>>;

    /// Streams that are open or opening.
    fn streams(&self) -> usize;

    /// Since when no stream has been open; None while one is.
    fn idle_since(&self) -> Option<Instant>;

    /// Waits until no stream is open, or the connection has ended.
    fn idle(&self) -> impl Future<Output = ()>;

    /// When the peer was last heard.
    fn heard(&self) -> Instant;

    /// Asks the peer whether it is there.
    ///
    /// # Errors
    /// When no answer comes `within` the time.
    fn probe(&self, within: Duration) -> impl Future<Output = Result<(), Unanswered>>;

    /// Opens no more streams. Open ones go on.
    fn retire(&self);

    /// Ends the connection at once, with its streams.
    fn abort(&self);
}

/// HTTP/2.
impl Transport for Connection {
    type Slot = Reservation;
    type Stream = Stream;

    fn is_usable(&self) -> bool {
        self.is_usable()
    }

    fn reserve(&self) -> Option<Reservation> {
        self.reserve()
    }

    async fn open(
        slot: Reservation,
        authority: Authority,
        headers: HeaderMap,
    ) -> Result<Stream, ConnectError> {
        slot.connect(authority, headers).await
    }

    fn streams(&self) -> usize {
        self.streams()
    }

    fn idle_since(&self) -> Option<Instant> {
        self.idle_since()
    }

    async fn idle(&self) {
        self.idle().await;
    }

    fn heard(&self) -> Instant {
        self.heard()
    }

    async fn probe(&self, within: Duration) -> Result<(), Unanswered> {
        self.probe(within).await
    }

    fn retire(&self) {
        self.retire();
    }

    fn abort(&self) {
        self.abort();
    }
}
