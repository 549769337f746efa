//! One direction of a copy between two streams.

use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use super::{CopyError, End, add};
use crate::error::ResetReason;
use crate::stream::{Reader, StreamError, Writer};

/// Bytes that one poll may move before other tasks get their turn.
const TURN: usize = 512 * 1024;

pub(super) struct Passage<'a> {
    from: (Reader, End),
    to: (Writer, End),
    counter: &'a AtomicU64,
    ended: bool,
    /// The receiver wants no more (RFC 9113 section 8.1), although the sender may go on.
    refused: bool,
}

impl<'a> Passage<'a> {
    pub(super) fn new(from: (Reader, End), to: (Writer, End), counter: &'a AtomicU64) -> Self {
        Self { from, to, counter, ended: false, refused: false }
    }

    /// Ready when the sender has finished and the receiver has all bytes, or wants no more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        if !self.ended
            && !self.refused
            && let Poll::Ready(reset) = self.to.0.poll_reset(cx)
        {
            self.refused = reset.map_or(Ok(true), |error| Err(at(error, self.to.1)))?;
        }
        let mut moved = 0;
        while !self.ended {
            let pulled = self.from.0.poll_pull(cx);
            if self.refused {
                self.from.0.consume(self.from.0.unread());
                pulled.map_err(|error| at(error, self.from.1))?;
                return Poll::Ready(Ok(()));
            }
            if self.from.0.is_finished() {
                self.ended = true;
                self.to.0.finish().map_err(|error| at(error, self.to.1))?;
                break;
            }
            let unread = self.from.0.unread();
            let room = match unread {
                0 => Poll::Pending,
                unread => self.to.0.poll_room(cx, unread),
            };
            let Poll::Ready(room) = room else {
                pulled.map_err(|error| at(error, self.from.1))?;
                self.from.0.park(cx).map_err(|error| at(error, self.from.1))?;
                return Poll::Pending;
            };
            moved += self.step(room.map_err(|error| at(error, self.to.1))?)?;
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until the bytes that were sent have left, or the receiver is gone.
    pub(super) async fn flushed(&mut self) {
        self.to.0.flushed().await;
    }

    /// Resets the receiver, behind the bytes that have left.
    pub(super) fn reset(&mut self, reason: ResetReason) {
        self.to.0.reset(reason);
    }

    fn step(&mut self, room: usize) -> Result<usize, CopyError> {
        let piece = self.from.0.take(room);
        let bytes = piece.len();
        self.to.0.send(piece).map_err(|error| at(error, self.to.1))?;
        add(self.counter, bytes);
        Ok(bytes)
    }
}

/// The error of a stream at that end.
fn at(error: StreamError, end: End) -> CopyError {
    match CopyError::from(error) {
        CopyError::Broken { source, .. } => CopyError::Broken { end, source },
        other => other,
    }
}
