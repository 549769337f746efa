//! Large reads below a reader that asks for little at a time.
//!
//! rustls reads 4 KiB a system call. Here one call fills up to 64 KiB and serves rustls from there. The buffer is the
//! worker's, and returns to it as soon as it is empty.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::buffers::{Buffer, BufferPool, Size};

const READ: Size = Size::Medium;

/// I/O with read-ahead. Writes go straight through.
#[derive(Debug)]
pub struct ReadAhead<Io> {
    io: Io,
    buffers: BufferPool,
    /// Bytes read and not yet asked for; None if there are none.
    ahead: Option<Buffer>,
    /// Bytes that may still be passed on; None is unlimited.
    allowance: Option<usize>,
}

/// The peer sent more than it may before the limit is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer sent more than it may before it has proven who it is")]
pub struct AllowanceSpent;

impl<Io> ReadAhead<Io> {
    /// Wraps `io`, which is read with buffers of `buffers`.
    #[must_use]
    pub fn new(io: Io, buffers: BufferPool) -> Self {
        Self { io, buffers, ahead: None, allowance: None }
    }

    /// Limits the peer to `allowance` bytes before [`Self::lift_limit`], as the reader may have to keep them all.
    #[must_use]
    pub fn limited(io: Io, buffers: BufferPool, allowance: usize) -> Self {
        Self { allowance: Some(allowance), ..Self::new(io, buffers) }
    }

    /// Lets the peer send without limit from now on.
    pub fn lift_limit(&mut self) {
        self.allowance = None;
    }

    /// Serves from the bytes read ahead.
    fn serve(&mut self, buf: &mut ReadBuf<'_>) {
        let Some(ahead) = &mut self.ahead else {
            return;
        };
        let mut served = ahead.len().min(buf.remaining());
        if let Some(allowance) = &mut self.allowance {
            served = served.min(*allowance);
            *allowance -= served;
        }
        buf.put_slice(ahead.get(..served).unwrap_or_default());
        ahead.advance(served);
        if ahead.is_empty() {
            self.ahead = None;
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for ReadAhead<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.allowance == Some(0) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, AllowanceSpent)));
        }
        if this.ahead.is_none() {
            if buf.remaining() >= READ.bytes() && this.allowance.is_none() {
                return Pin::new(&mut this.io).poll_read(cx, buf);
            }
            // The buffer returns at once if nothing has come.
            let mut ahead = this.buffers.take(READ);
            let read = ready!(pin!(this.io.read_buf(&mut *ahead)).poll(cx))?;
            this.ahead = (read > 0).then_some(ahead);
        }
        this.serve(buf);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for ReadAhead<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            // Nearly always one TLS record. The plain call is cheaper.
            [only] => Pin::new(&mut self.io).poll_write(cx, only),
            several => Pin::new(&mut self.io).poll_write_vectored(cx, several),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
