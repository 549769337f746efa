//! The direction from the peer.

use std::future::poll_fn;
use std::io::IoSlice;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use tokio::io::ReadBuf;

use super::StreamError;
use super::unread::Unread;
use crate::connection::StreamSlot;
use crate::window::{Evicted, Holding, RoundShare};

/// Receives bytes. It takes over arrived bytes at once, so that all unread ones are counted. The peer may send more
/// only after a [consume](Self::consume).
#[derive(Debug)]
pub struct Reader {
    recv: RecvStream,
    unread: Unread,
    /// The peer will send no more.
    ended: bool,
    round: RoundShare,
    holding: Holding,
    slot: Rc<StreamSlot>,
}

impl Reader {
    pub(crate) fn new(recv: RecvStream, slot: Rc<StreamSlot>) -> Self {
        let holding = Holding::new(slot.state().account.clone());
        Self { recv, unread: Unread::default(), ended: false, round: RoundShare::default(), holding, slot }
    }

    /// Takes over arrived bytes without waiting. [`Self::slices`] then holds the unread ones.
    ///
    /// # Errors
    /// When the stream is reset, or the connection broke. Unread bytes came before that.
    pub fn poll_pull(&mut self, cx: &mut Context<'_>) -> Result<(), StreamError> {
        while !self.ended {
            match self.recv.poll_data(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(chunk))) => {
                    self.slot.state().growth.received(&mut self.round, chunk.len());
                    self.unread.push(chunk);
                }
                Poll::Ready(None) => self.end(),
                // The peer has sent all it had to send and wants no more of ours (RFC 9113 section 8.1).
                Poll::Ready(Some(Err(error)))
                    if error.reason() == Some(Reason::NO_ERROR) && error.is_reset() =>
                {
                    self.end();
                }
                Poll::Ready(Some(Err(error))) => return Err(self.slot.broken(error)),
            }
        }
        Ok(())
    }

    /// Counts unread bytes against the Pod's share: call it when the application did not take all. Wakes `cx` if the
    /// stream is evicted.
    ///
    /// # Errors
    /// When the stream is evicted.
    pub fn park(&mut self, cx: &mut Context<'_>) -> Result<(), StreamError> {
        self.unread.compact();
        self.count(cx)
    }

    /// Bytes taken over and not consumed.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Whether the peer has ended its direction and all bytes are consumed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.ended && self.unread.is_empty()
    }

    /// Fills `slices` with the unread bytes in order, and returns how many slots it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.unread.slices(slices)
    }

    /// Drops `bytes` of the unread ones: they were passed on, and the peer may send as many again.
    pub fn consume(&mut self, bytes: usize) {
        self.unread.consume(bytes);
        if !self.ended {
            self.release(bytes);
        }
    }

    /// Copies unread bytes into `buf`, and drops them: the peer may send as many again.
    pub(super) fn read_into(&mut self, buf: &mut ReadBuf<'_>) {
        let copied = self.unread.copy_to(buf);
        self.consume(copied);
    }

    /// Takes up to `most` unread bytes: one piece as it came, or its beginning. The peer may send as many again.
    pub fn take(&mut self, most: usize) -> Bytes {
        let taken = self.unread.take(most);
        if !self.ended {
            self.release(taken.len());
        }
        taken
    }

    /// The next piece; None when the peer has ended its direction.
    ///
    /// # Errors
    /// When the stream is reset, or the connection broke.
    pub async fn data(&mut self) -> Result<Option<Bytes>, StreamError> {
        let chunk = poll_fn(|cx| {
            let pulled = self.poll_pull(cx);
            match self.unread.pop() {
                Some(chunk) => Poll::Ready(self.count(cx).map(|()| Some(chunk))),
                None if self.ended => Poll::Ready(Ok(None)),
                None => pulled.map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending),
            }
        })
        .await?;
        if let Some(chunk) = &chunk
            && !self.ended
        {
            self.release(chunk.len());
        }
        Ok(chunk)
    }

    /// Returns the window of unread bytes, as no more arrive. Otherwise ended streams, which nobody counts, could use
    /// up the connection's window.
    fn end(&mut self) {
        self.ended = true;
        self.release(self.unread.len());
    }

    fn count(&mut self, cx: &mut Context<'_>) -> Result<(), StreamError> {
        self.holding.set(self.unread.len(), cx.waker()).map_err(|Evicted| StreamError::UnreadBytes)
    }

    fn release(&mut self, bytes: usize) {
        // Fails only for more than was received; nothing is released twice.
        self.recv.flow_control().release_capacity(bytes).ok();
    }
}
