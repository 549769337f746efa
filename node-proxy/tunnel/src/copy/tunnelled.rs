//! A copy between an application's socket and a stream.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use super::downward::Downward;
use super::half_close_timer::HalfCloseTimer;
use super::linger;
use super::socket::close_quietly;
use super::upward::Upward;
use super::{CopyError, Counters};
use crate::buffers::BufferPool;

/// Both directions.
pub(super) struct Tunnelled<'a> {
    pub(super) up: Upward<'a>,
    pub(super) down: Downward<'a>,
    pub(super) half_close_timer: HalfCloseTimer,
    pub(super) counters: &'a Counters,
}

/// The state of a copy. Every connection holds one, idle or not, so the rare end state is boxed.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are copying: a box would be one allocation more for each"
)]
pub(super) enum Stage<'a> {
    Copying(Tunnelled<'a>),
    Lingering(Pin<Box<dyn Future<Output = Result<(), CopyError>> + 'a>>),
    Ended,
}

impl<'a> Tunnelled<'a> {
    pub(super) fn socket(&self) -> &'a TcpStream {
        self.up.socket()
    }

    pub(super) fn buffers(&self) -> &'a BufferPool {
        self.up.buffers()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        // In this order: once one direction has taken an error, the other would read an end.
        let ended = (self.up.poll(cx)?, self.down.poll(cx)?);
        self.half_close_timer.poll(cx, ended, self.counters.total())
    }
}

impl Stage<'_> {
    /// Ready with the copy's result.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        if let Self::Copying(copy) = self {
            let copied = ready!(copy.poll(cx));
            if copied.is_ok() && !copy.up.is_refused() {
                close_quietly(copy.socket());
                return Poll::Ready(copied);
            }
            if let Self::Copying(copy) = mem::replace(self, Self::Ended) {
                *self = Self::Lingering(Box::pin(linger::of_stream(copy, copied)));
            }
        }
        match self {
            Self::Lingering(linger) => linger.as_mut().poll(cx),
            Self::Copying(_) | Self::Ended => Poll::Pending,
        }
    }
}
