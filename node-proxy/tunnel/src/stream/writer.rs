//! The direction towards the peer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use tokio::sync::oneshot;

use super::StreamError;
use crate::connection::StreamSlot;
use crate::error::ResetReason;

/// Sends bytes within the windows.
#[derive(Debug)]
pub struct Writer {
    send: SendStream<Bytes>,
    slot: Rc<StreamSlot>,
}

impl Writer {
    pub(crate) fn new(send: SendStream<Bytes>, slot: Rc<StreamSlot>) -> Self {
        Self { send, slot }
    }

    /// Asks for room for up to `wanted` bytes and waits for some. Ready with the room there is.
    ///
    /// # Errors
    /// When the stream is reset, or the connection broke.
    pub fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, StreamError>> {
        self.send.reserve_capacity(wanted);
        loop {
            let room = self.send.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match ready!(self.send.poll_capacity(cx)) {
                Some(granted) => granted.map_err(|error| self.slot.broken(error))?,
                None => return self.poll_closed(cx).map(Err),
            };
        }
    }

    /// Gives back unused room: other streams of a short connection window need it.
    pub fn release_room(&mut self) {
        self.send.reserve_capacity(0);
    }

    /// Sends `data`. What exceeds the room waits in memory.
    ///
    /// # Errors
    /// When the stream has ended or was reset.
    pub fn send(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.send.send_data(data, false).map_err(|error| self.slot.broken(error))
    }

    /// Sends all of `data` as room comes.
    ///
    /// # Errors
    /// When the stream is reset, or the connection broke.
    pub async fn send_all(&mut self, mut data: Bytes) -> Result<(), StreamError> {
        while !data.is_empty() {
            let room = poll_fn(|cx| self.poll_room(cx, data.len())).await?;
            self.send(data.split_to(room.min(data.len())))?;
        }
        Ok(())
    }

    /// Ends this direction (END_STREAM) after the bytes sent.
    ///
    /// # Errors
    /// When the stream has ended or was reset.
    pub fn finish(&mut self) -> Result<(), StreamError> {
        self.send.send_data(Bytes::new(), true).map_err(|error| self.slot.broken(error))
    }

    /// Ends this direction after the bytes sent. The result is ready once END_STREAM has left for the connection, or the
    /// stream is gone.
    pub(super) fn end(&mut self) -> Result<oneshot::Receiver<()>, StreamError> {
        self.mark(true)
    }

    /// Waits until all sent bytes have left for the connection, or the stream is gone. Call it before a reset, as h2
    /// drops bytes that still wait then.
    pub async fn flushed(&mut self) {
        // Fails on a stream that has ended or was reset, and takes no more.
        if let Ok(passes) = self.mark(false) {
            passes.await.ok();
        }
    }

    fn mark(&mut self, is_last: bool) -> Result<oneshot::Receiver<()>, StreamError> {
        let (passed, passes) = oneshot::channel();
        let marker = Bytes::from_owner(Marker { _passed: passed });
        self.send.send_data(marker, is_last).map_err(|error| self.slot.broken(error))?;
        Ok(passes)
    }

    /// Resets both directions of the stream. Drops bytes that wait to be sent.
    pub fn reset(&mut self, reason: ResetReason) {
        self.send.send_reset(reason.into_h2());
    }

    /// Waits until the peer resets the stream. None if it only needs no more of ours (RFC 9113 section 8.1), else the
    /// error.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Option<StreamError>> {
        Poll::Ready(match ready!(self.send.poll_reset(cx)) {
            Ok(Reason::NO_ERROR) => None,
            Ok(reason) => Some(StreamError::Reset(ResetReason::of(reason))),
            Err(error) => Some(self.slot.broken(error)),
        })
    }

    /// Why nothing can be sent any more.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let reset = ready!(self.poll_reset(cx));
        Poll::Ready(reset.unwrap_or(StreamError::Reset(ResetReason::NO_ERROR)))
    }
}

/// The payload of an empty DATA frame behind all others. h2 drops it when it has written the frame, or never will.
struct Marker {
    _passed: oneshot::Sender<()>,
}

impl AsRef<[u8]> for Marker {
    fn as_ref(&self) -> &[u8] {
        &[]
    }
}
