//! Gathers small writes below HTTP/2 while the connection is polled: one TLS record and one system call for the frames
//! of many streams.
//!
//! h2 flushes after every frame of more than a few hundred bytes. Here a flush does nothing. The driver knows when all
//! streams have written, and then sends the gathered bytes ([`WriteBehind::poll_send`]).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes gathered: those of one TLS record (RFC 8446 section 5.1).
const GATHERED: usize = 16 * 1024;
/// A write of this size goes out at once: copying it would cost more than it saves.
const LARGE: usize = 8 * 1024;

/// I/O that gathers small writes. Clones share it.
#[derive(Debug)]
pub(crate) struct WriteBehind<Io> {
    inner: Rc<RefCell<Inner<Io>>>,
}

#[derive(Debug)]
struct Inner<Io> {
    io: Io,
    /// Takes no memory while empty.
    gathered: Vec<u8>,
    /// Bytes gathered last time: the room to reserve next time.
    expected: usize,
    sent: usize,
    /// Whether `io` was written to since its last flush.
    unflushed: bool,
}

impl<Io> WriteBehind<Io> {
    pub(crate) fn new(io: Io) -> Self {
        let inner = Inner { io, gathered: Vec::new(), expected: 0, sent: 0, unflushed: false };
        Self { inner: Rc::new(RefCell::new(inner)) }
    }

    /// The same I/O, for the driver.
    pub(crate) fn handle(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> WriteBehind<Io> {
    /// Sends the gathered bytes: call it after polling the connection. While pending, wakes `cx` when more can be sent.
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner.borrow_mut();
        ready!(inner.poll_empty(cx))?;
        inner.poll_flush(cx)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> WriteBehind<Io> {
    /// Polls `work`, which writes here, and sends its bytes whenever it waits.
    pub(crate) async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let done = work.as_mut().poll(cx);
            if done.is_pending() {
                // `work` waits for the I/O and sees its error itself.
                let _ = self.poll_send(cx);
            }
            done
        })
        .await
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Inner<Io> {
    /// Ready when nothing is gathered.
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.gathered.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let sent = match ready!(Pin::new(&mut self.io).poll_write(cx, rest)) {
                Ok(sent) => sent,
                Err(error) => return self.poll_reason(cx, error).map(Err),
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
            self.unflushed = true;
        }
        if self.sent > 0 {
            self.expected = std::mem::take(&mut self.gathered).len();
            self.sent = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            if let Err(error) = ready!(Pin::new(&mut self.io).poll_flush(cx)) {
                return self.poll_reason(cx, error).map(Err);
            }
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// The reason of a failed write. A refusing peer says why and closes, and the write may fail before that is read:
    /// in TLS 1.3 the client's handshake ends before the server has judged it (RFC 8446 section 2). A connection that
    /// broke for writing ends for reading too, so this wait ends.
    fn poll_reason(&mut self, cx: &mut Context<'_>, error: io::Error) -> Poll<io::Error> {
        let mut unread = [0; 64];
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut ReadBuf::new(&mut unread)));
        Poll::Ready(read.err().unwrap_or(error))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.gathered.len() + length > GATHERED {
            ready!(self.poll_empty(cx))?;
        }
        if length >= LARGE {
            ready!(self.poll_empty(cx))?;
            self.unflushed = true;
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        }
        if self.gathered.is_empty() {
            self.gathered.reserve(self.expected.max(length));
        }
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for WriteBehind<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner.borrow_mut().io).poll_read(cx, buf)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WriteBehind<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.inner.borrow_mut().poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner.borrow_mut().poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: see the module.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner.borrow_mut();
        ready!(inner.poll_empty(cx))?;
        Pin::new(&mut inner.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
