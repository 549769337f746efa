//! A copy between an application's socket and a stream.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use super::downward::Downward;
use super::farewell;
use super::socket::close_quietly;
use super::straggler::Straggler;
use super::upward::Upward;
use super::{CopyError, Counters};
use crate::buffers::BufferPool;

/// Both directions of it.
pub(super) struct Tunnelled<'a> {
    pub(super) up: Upward<'a>,
    pub(super) down: Downward<'a>,
    pub(super) straggler: Straggler,
    pub(super) counters: &'a Counters,
}

/// How far it is. There is one for every connection for as long as it lives, idle or not: what few need at their end is boxed.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are copying: a box would be one allocation more for each"
)]
pub(super) enum Stage<'a> {
    Copying(Tunnelled<'a>),
    Farewell(Pin<Box<dyn Future<Output = Result<(), CopyError>> + 'a>>),
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
        // One after the other: an error that one direction was told of, the other would take for an end.
        let ended = (self.up.poll(cx)?, self.down.poll(cx)?);
        self.straggler.poll(cx, ended, self.counters.total())
    }
}

impl Stage<'_> {
    /// Ready with how it ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        if let Self::Copying(copy) = self {
            let copied = ready!(copy.poll(cx));
            if copied.is_ok() && !copy.up.is_refused() {
                close_quietly(copy.socket());
                return Poll::Ready(copied);
            }
            if let Self::Copying(copy) = mem::replace(self, Self::Ended) {
                *self = Self::Farewell(Box::pin(farewell::of_stream(copy, copied)));
            }
        }
        match self {
            Self::Farewell(farewell) => farewell.as_mut().poll(cx),
            Self::Copying(_) | Self::Ended => Poll::Pending,
        }
    }
}
