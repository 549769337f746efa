//! Ends a copy after one side is gone or wants no more: the bytes that it had sent still arrive.
//!
//! A server may answer early and close while its client still sends. Its kernel then sends RST behind the answer. Linux
//! keeps received bytes readable after a RST. But it drops unsent bytes of a socket that is closed with RST, and h2
//! drops those of a stream that is reset. So the copy first delivers the answer and waits for its acknowledgement.
//! Meanwhile it drops what the client sends, which may read only after it has sent.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Duration;

use karez_capture::sockets::unacknowledged;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::socket::{close_quietly, poll_discard};
use super::tunnelled::Tunnelled;
use super::{CopyError, Counters, End};
use crate::buffers::BufferPool;
use crate::error::ResetReason;

/// Longest time without progress. This figure and the next are nginx's `lingering_timeout` and `lingering_time`.
const STALL: Duration = Duration::from_secs(5);
/// Longest time in all.
const LIMIT: Duration = Duration::from_secs(30);
/// The kernel does not report acknowledgement, so the copy polls for it. This is the first pause.
const FIRST_ASK: Duration = Duration::from_millis(1);
/// The longest pause.
const ASK: Duration = Duration::from_millis(50);

/// Finishes a copy between a socket and a stream that ended with `copied`.
pub(super) async fn of_stream(
    mut copy: Tunnelled<'_>,
    copied: Result<(), CopyError>,
) -> Result<(), CopyError> {
    let (near, counters, buffers) = (copy.socket(), copy.counters, copy.buffers());
    match &copied {
        Err(CopyError::Broken { end: End::Near, .. }) => {
            // If the rest was sent in time, dropping the stream resets it: with NO_ERROR after a server's END_STREAM
            // (RFC 9113 section 8.1), else with CANCEL.
            if !send_rest(&mut copy).await {
                copy.up.reset(ResetReason::CANCEL);
            }
        }
        Err(CopyError::Broken { end: End::Far, .. }) => {
            deliver(near, poll_fn(|cx| copy.down.poll_rest(cx)), counters, buffers).await;
        }
        Err(error) => copy.up.reset(error.reason()),
        // The peer wants no more, while the application may still send: closing answers that with RST.
        Ok(()) => {
            deliver(near, async { Ok(()) }, counters, buffers).await;
            close_quietly(near);
        }
    }
    copied
}

/// Waits until `rest` has written all bytes and the peer of `socket` has acknowledged them. A later close with RST then
/// loses nothing.
pub(super) async fn deliver(
    socket: &TcpStream,
    rest: impl Future<Output = Result<(), CopyError>>,
    counters: &Counters,
    buffers: &BufferPool,
) {
    let delivered = async {
        if rest.await.is_ok() {
            acknowledged(socket).await;
        }
    };
    let arrived = || counters.total().wrapping_sub(outstanding(socket) as u64);
    let ended = async {
        tokio::select! {
            biased;
            () = delivered => {}
            () = gone(socket, buffers) => {}
        }
    };
    while_moving(arrived, ended).await;
}

/// Sends the bytes that the application sent before it was gone. Returns whether all of them left.
async fn send_rest(copy: &mut Tunnelled<'_>) -> bool {
    let Tunnelled { up, down, counters, .. } = copy;
    let mut rest = pin!(up.send_rest());
    let sent = poll_fn(|cx| {
        down.discard(cx);
        rest.as_mut().poll(cx)
    });
    while_moving(|| counters.total(), sent).await
}

/// Runs `work` while `progress` moves. Returns whether it finished.
async fn while_moving(progress: impl Fn() -> u64, work: impl Future<Output = ()>) -> bool {
    let mut work = pin!(work);
    let limit = Instant::now() + LIMIT;
    loop {
        let (before, now) = (progress(), Instant::now());
        tokio::select! {
            biased;
            () = &mut work => return true,
            () = sleep_until(limit.min(now + STALL)) => {}
        }
        if progress() == before || Instant::now() >= limit {
            return false;
        }
    }
}

async fn acknowledged(socket: &TcpStream) {
    let mut pause = FIRST_ASK;
    while outstanding(socket) > 0 {
        sleep(pause).await;
        pause = ASK.min(pause * 2);
    }
}

fn outstanding(socket: &TcpStream) -> usize {
    // Cannot fail on a connected socket.
    unacknowledged(socket).unwrap_or(0)
}

/// Drops bytes from `socket` until its peer is gone. A peer that only finished still reads.
async fn gone(socket: &TcpStream, buffers: &BufferPool) {
    if poll_fn(|cx| poll_discard(socket, buffers, cx)).await.is_ok() {
        pending::<()>().await;
    }
}
