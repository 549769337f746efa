//! The task that drives a dialled connection.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::{ConnectionError, State};
use crate::deadline_future::DeadlineFuture;
use crate::metered::Metered;
use crate::settings::Http2;
use crate::upkeep::{Event, Upkeep};
use crate::write_behind::WriteBehind;

/// Reads and writes frames until the connection ends. Spawn it beside the streams.
#[must_use = "a connection moves only while its driver is polled"]
pub struct Driver<Io> {
    connection: h2::client::Connection<Metered<WriteBehind<Io>>, Bytes>,
    outgoing: WriteBehind<Io>,
    state: Rc<State>,
    upkeep: Upkeep,
    /// Completes when the connection shall take no more streams.
    retirement: Option<DeadlineFuture<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Driver<Io> {
    pub(super) fn new(
        mut connection: h2::client::Connection<Metered<WriteBehind<Io>>, Bytes>,
        outgoing: WriteBehind<Io>,
        state: Rc<State>,
        settings: &Http2,
    ) -> Self {
        let upkeep = Upkeep::new(state.clone(), settings, connection.ping_pong());
        Self { connection, outgoing, state, upkeep, retirement: None }
    }

    /// Retires the connection when `when` completes, as at a certificate's end: it takes no more streams, and ends
    /// after its last.
    pub fn retire_when(mut self, when: impl Future<Output = ()> + 'static) -> Self {
        self.retirement = Some(DeadlineFuture::new(Box::pin(when)));
        self
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for Driver<Io> {
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.state.register_driver(cx.waker());
        this.state.meter.begin_turn();
        loop {
            if this.state.is_aborted() {
                return Poll::Ready(Err(ConnectionError::Aborted));
            }
            // Before new streams reach the peer, so that its answers fit the current windows.
            let connection = &mut this.connection;
            this.state.adjust_windows(|window| connection.set_initial_window_size(window).is_ok());
            let ended = Pin::new(&mut this.connection).poll(cx);
            // At once: a peer waits for these bytes, while nobody waits for the steps below.
            let sent = this.outgoing.poll_send(cx);
            if let Poll::Ready(ended) = ended {
                return Poll::Ready(ended.map_err(ConnectionError::of));
            }
            if let Poll::Ready(Err(error)) = sent {
                return Poll::Ready(Err(ConnectionError::Write(error)));
            }
            if let Some(retirement) = &mut this.retirement
                && Pin::new(retirement).poll(cx).is_ready()
            {
                this.retirement = None;
                this.state.retire();
            }
            match this.upkeep.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Event::Silent) => return Poll::Ready(Err(ConnectionError::Silent)),
                Poll::Ready(Event::Measured) => {}
                Poll::Ready(Event::Idle) => this.state.retire(),
            }
        }
    }
}

impl<Io> fmt::Debug for Driver<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<Io> Drop for Driver<Io> {
    fn drop(&mut self) {
        self.state.end();
    }
}
