//! Counts the bytes below HTTP/2, and limits how many one poll reads.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a connection may read before other tasks of the worker get their turn. h2 reads while anything is there,
/// and would pile up a whole connection window before anyone passes it on.
const TURN: usize = 512 * 1024;

/// Counts of what was read. The I/O, which h2 owns, and the driver share it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    received: Cell<u64>,
    turn: Cell<usize>,
    error: RefCell<Option<Arc<io::Error>>>,
}

impl Meter {
    /// Bytes read since the connection began.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }

    /// Starts a new turn of the driver.
    pub(crate) fn begin_turn(&self) {
        self.turn.set(0);
    }

    /// Why reading failed. h2 itself passes on only the text.
    pub(crate) fn error(&self) -> Option<Arc<io::Error>> {
        self.error.borrow().clone()
    }

    /// Keeps the error, and returns a copy for h2.
    fn broken(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        let error = Arc::new(error);
        self.error.replace(Some(Arc::clone(&error)));
        io::Error::new(kind, error)
    }

    fn count(&self, bytes: usize) {
        self.received.set(self.received.get().wrapping_add(bytes as u64));
        self.turn.set(self.turn.get().saturating_add(bytes));
    }
}

/// I/O that counts into a [`Meter`].
#[derive(Debug)]
pub(crate) struct Metered<Io> {
    io: Io,
    meter: Rc<Meter>,
}

impl<Io> Metered<Io> {
    pub(crate) fn new(io: Io, meter: Rc<Meter>) -> Self {
        Self { io, meter }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Metered<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.meter.turn.get() >= TURN {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf)).map_err(|error| self.meter.broken(error))?;
        self.meter.count(buf.filled().len().saturating_sub(before));
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Metered<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
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
