//! Copies bytes between an application's socket and a tunnel's stream, between two sockets, or between two streams.
//!
//! Each direction ends on its own: FIN becomes END_STREAM and back. A reset passes to the other end, behind the bytes
//! sent before it: RST becomes RST_STREAM(CANCEL) and back. A copy that fails or is dropped leaves sockets that send
//! RST on close, so that an application never takes a cut for an end.

mod downward;
mod half_close_timer;
mod linger;
mod passage;
mod read_size;
mod relay;
mod reset_watch;
mod socket;
mod tunnelled;
mod upward;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::buffers::BufferPool;
use crate::error::ResetReason;
use crate::stream::{Stream, StreamError};
use crate::window::{Account, Evicted};
use downward::Downward;
use half_close_timer::HalfCloseTimer;
use passage::Passage;
use relay::Relay;
use socket::close_quietly;
pub use socket::reset_when_closed;
use tunnelled::{Stage, Tunnelled};
use upward::Upward;

/// How long the bytes before a cut may take to leave, where both ends are streams.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that a flow has moved so far. Any thread may read them meanwhile.
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

/// Only one task writes a counter, so no locked instruction is needed.
fn add(counter: &AtomicU64, bytes: usize) {
    counter.store(counter.load(Relaxed).wrapping_add(bytes as u64), Relaxed);
}

/// One end of a flow, by the order of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first argument.
    Near,
    /// The second argument: the stream, if there is one.
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

/// Why a flow did not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One end was reset, or lost its connection.
    #[error("{end}: {source}")]
    Broken {
        /// The end that broke.
        end: End,
        /// The system's or the tunnel's error.
        source: io::Error,
    },
    /// The Pod left too many bytes unread, and this flow held the most.
    #[error("the Pod's limit of unread bytes is reached")]
    UnreadBytes,
    /// This side ended the tunnel.
    #[error("the tunnel was ended by the mesh")]
    Aborted,
    /// One direction had ended, and the other moved nothing for too long.
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

    /// RFC 9113 section 8.5 names CONNECT_ERROR for a TCP RST, but Istio's peers only know CANCEL as a cut.
    fn reason(&self) -> ResetReason {
        match self {
            Self::Broken { .. } | Self::Aborted | Self::HalfCloseTimeout => ResetReason::CANCEL,
            Self::UnreadBytes => ResetReason::ENHANCE_YOUR_CALM,
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
/// The future holds each part once: every connection has one, and most are idle.
///
/// # Errors
/// When one end breaks, or a limit is reached; the other end is then reset. `counters` hold the bytes moved.
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
        half_close_timer: HalfCloseTimer::new(half_close_timeout),
        counters,
    });
    poll_fn(move |cx| stage.poll(cx))
}

/// Copies between two sockets until both directions have ended. Bytes that were read and not yet written count against
/// `account`.
///
/// # Errors
/// When one end breaks, a limit is reached, or nothing moves for too long after one side has finished.
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
    let mut half_close_timer = HalfCloseTimer::new(half_close_timeout);
    async move {
        let copied = poll_fn(|cx| {
            // In this order: once one direction has taken an error, the other would read an end.
            let ended = (there.poll(cx)?, back.poll(cx)?);
            half_close_timer.poll(cx, ended, counters.total())
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
                Box::pin(linger::deliver(other, rest, counters, buffers)).await;
            }
            Err(_) => {}
        }
        copied
    }
}

/// Copies between two streams until both directions have ended, as a waypoint does.
///
/// # Errors
/// When one end breaks, or a limit is reached; the other end is then reset. `counters` hold the bytes moved.
pub async fn streams(
    near: Stream,
    far: Stream,
    counters: &Counters,
    half_close_timeout: Duration,
) -> Result<(), CopyError> {
    let ((near_reader, near_writer), (far_reader, far_writer)) = (near.split(), far.split());
    let mut there = Passage::new((near_reader, End::Near), (far_writer, End::Far), &counters.sent);
    let mut back = Passage::new((far_reader, End::Far), (near_writer, End::Near), &counters.received);
    let mut half_close_timer = HalfCloseTimer::new(half_close_timeout);
    let copied = poll_fn(|cx| {
        let ended = (there.poll(cx)?, back.poll(cx)?);
        half_close_timer.poll(cx, ended, counters.total())
    });
    let copied = copied.await;
    if let Err(error) = &copied {
        let delivered = async {
            there.flushed().await;
            back.flushed().await;
        };
        // What was sent before a cut leaves before it. What a receiver had no room for is lost with it.
        drop(tokio::time::timeout(CUT_TIMEOUT, delivered).await);
        there.reset(error.reason());
        back.reset(error.reason());
    }
    copied
}
