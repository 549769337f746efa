//! Bytes between an application's socket and a tunnel's stream, or between two sockets.
//!
//! Each direction ends on its own: FIN becomes END_STREAM and back. A reset of one end resets the other: RST becomes
//! RST_STREAM(CANCEL) and back, behind what was sent before it. A copy that is dropped, or ends with an error, leaves
//! sockets that send RST when they are closed, so that an application never takes a cut for an end.

mod appetite;
mod cut;
mod downward;
mod farewell;
mod relay;
mod socket;
mod straggler;
mod tunnelled;
mod upward;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use h2::Reason;
use tokio::net::TcpStream;

use crate::buffers::BufferPool;
use crate::stream::{Stream, StreamError};
use crate::window::{Account, Evicted};
use downward::Downward;
use relay::Relay;
use socket::close_quietly;
pub use socket::reset_when_closed;
use straggler::Straggler;
use tunnelled::{Stage, Tunnelled};
use upward::Upward;

/// Bytes that a flow has moved so far; may be read from any thread while it lives.
#[derive(Debug, Default)]
pub struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    /// Bytes from the near end to the far one.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Bytes from the far end to the near one.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    fn total(&self) -> u64 {
        self.sent().wrapping_add(self.received())
    }
}

/// Only one task writes a counter, so this needs no locked instruction.
fn add(counter: &AtomicU64, bytes: usize) {
    counter.store(counter.load(Relaxed).wrapping_add(bytes as u64), Relaxed);
}

/// One of the two ends of a flow, by the order of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first.
    Near,
    /// The second: the stream, if there is one.
    Far,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Near => "near end",
            Self::Far => "far end",
        })
    }
}

/// Why a flow did not come to a clean end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One end was reset, or its connection lost.
    #[error("{end}: {source}")]
    Broken {
        /// Which.
        end: End,
        /// The error of the system or the tunnel.
        source: io::Error,
    },
    /// Its Pod left too many bytes unread, and this flow most of them.
    #[error("the Pod's limit of unread bytes is reached")]
    UnreadBytes,
    /// The tunnel was ended on this side.
    #[error("the tunnel was ended by the mesh")]
    Aborted,
    /// One direction had ended, and nothing moved in the other for too long.
    #[error("idle for too long after one side had finished")]
    HalfCloseTimeout,
}

impl CopyError {
    fn near(source: io::Error) -> Self {
        Self::Broken { end: End::Near, source }
    }

    fn far(source: io::Error) -> Self {
        Self::Broken { end: End::Far, source }
    }

    /// RFC 9113 section 8.5 says CONNECT_ERROR for a TCP RST; Istio's peers know CANCEL as a cut and nothing else.
    fn reason(&self) -> Reason {
        match self {
            Self::Broken { .. } | Self::Aborted | Self::HalfCloseTimeout => Reason::CANCEL,
            Self::UnreadBytes => Reason::ENHANCE_YOUR_CALM,
        }
    }
}

impl From<Evicted> for CopyError {
    fn from(Evicted: Evicted) -> Self {
        Self::UnreadBytes
    }
}

impl From<StreamError> for CopyError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::UnreadBytes => Self::UnreadBytes,
            StreamError::Aborted => Self::Aborted,
            StreamError::Reset(_) | StreamError::Io(_) | StreamError::Connection(_) => {
                Self::far(error.into())
            }
        }
    }
}

/// Copies between an application's socket and a stream until both directions have ended.
///
/// The future holds each of its parts once: there is one for every connection, and most are idle.
///
/// # Errors
/// When one end breaks, or a bound is reached; the other end is then reset. `counters` say how far it came.
pub fn between<'a>(
    near: &'a TcpStream,
    far: Stream,
    counters: &'a Counters,
    half_close_timeout: Duration,
    buffers: &'a BufferPool,
) -> impl Future<Output = Result<(), CopyError>> + 'a {
    let (reader, writer) = far.split();
    reset_when_closed(near);
    let mut stage = Stage::Copying(Tunnelled {
        up: Upward::new(near, writer, buffers, &counters.sent),
        down: Downward::new(near, reader, &counters.received),
        straggler: Straggler::new(half_close_timeout),
        counters,
    });
    poll_fn(move |cx| stage.poll(cx))
}

/// Copies between two sockets until both directions have ended. `account` bears what was taken from one and the other does not
/// take.
///
/// # Errors
/// When one end breaks, a bound is reached, or nothing moves for too long after one side has finished.
pub fn sockets<'a>(
    near: &'a TcpStream,
    far: &'a TcpStream,
    counters: &'a Counters,
    half_close_timeout: Duration,
    buffers: &'a BufferPool,
    account: &Arc<Account>,
) -> impl Future<Output = Result<(), CopyError>> + use<'a> {
    [near, far].into_iter().for_each(reset_when_closed);
    let mut there = Relay::new((near, End::Near), (far, End::Far), buffers, &counters.sent, account);
    let mut back = Relay::new((far, End::Far), (near, End::Near), buffers, &counters.received, account);
    let mut straggler = Straggler::new(half_close_timeout);
    async move {
        let copied = poll_fn(|cx| {
            // One after the other: an error that one direction was told of, the other would take for an end.
            let ended = (there.poll(cx)?, back.poll(cx)?);
            straggler.poll(cx, ended, counters.total())
        });
        let copied = copied.await;
        match &copied {
            Ok(()) => [near, far].into_iter().for_each(close_quietly),
            Err(CopyError::Broken { end, .. }) => {
                let (other, from) = match end {
                    End::Near => (far, &mut there),
                    End::Far => (near, &mut back),
                };
                let rest = poll_fn(|cx| from.poll_rest(cx));
                Box::pin(farewell::deliver(other, rest, counters, buffers)).await;
            }
            Err(_) => {}
        }
        copied
    }
}
