//! A stream as bytes that are read and written, for protocols that know nothing of tunnels.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::{Stream, StreamError};
use crate::error::ResetReason;

/// Most bytes of one write: what waits beyond the windows stays with the caller.
const MOST: usize = 64 * 1024;

/// How far a stream's own direction has been shut down.
#[derive(Debug, Default)]
pub(super) enum Shutdown {
    #[default]
    Open,
    /// END_STREAM waits behind the bytes that were written.
    Ending(oneshot::Receiver<()>),
    Ended,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = &mut self.reader;
        // Bytes came before an error, which comes again with the next call.
        let pulled = reader.poll_pull(cx);
        if reader.unread() > 0 {
            reader.read_into(buf);
            reader.park(cx)?;
            return Poll::Ready(Ok(()));
        }
        match pulled {
            Err(error) => Poll::Ready(Err(error.into())),
            Ok(()) if reader.is_finished() => Poll::Ready(Ok(())),
            Ok(()) => {
                reader.park(cx)?;
                Poll::Pending
            }
        }
    }
}

/// Bytes count as written when they are with the connection. A stream that is shut down takes no more.
impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let room = match ready!(self.writer.poll_room(cx, wanted.min(MOST))) {
            Ok(room) => room,
            // The peer wants no more (RFC 9113 section 8.1). Who writes comes to read its answer only so.
            Err(StreamError::Reset(ResetReason::NO_ERROR)) => return Poll::Ready(Ok(wanted)),
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        let bytes = gather(slices, room.min(MOST));
        let written = bytes.len();
        self.writer.send(bytes)?;
        if written < room {
            self.writer.release_room();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ready once END_STREAM has left: h2 drops what still waits when a stream is dropped. A peer that is gone, or wants
    /// no more, waits for nothing.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.shutdown, Shutdown::Open) {
            self.shutdown = self.writer.end().map_or(Shutdown::Ended, Shutdown::Ending);
        }
        if let Shutdown::Ending(left) = &mut self.shutdown {
            // Its sender is dropped with the frame, sent or not.
            let _left = ready!(Pin::new(left).poll(cx));
            self.shutdown = Shutdown::Ended;
        }
        Poll::Ready(Ok(()))
    }
}

/// The first bytes of the slices, in one piece: each piece becomes a frame.
fn gather(slices: &[IoSlice<'_>], most: usize) -> Bytes {
    let all: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut gathered = BytesMut::with_capacity(all.min(most));
    for slice in slices {
        let left = most - gathered.len();
        gathered.extend_from_slice(slice.get(..left.min(slice.len())).unwrap_or_default());
    }
    gathered.freeze()
}
