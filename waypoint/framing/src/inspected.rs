//! I/O that is read through an inspector.
//!
//! # In front of a hyper server
//! The connection is served with `half_close(true)`, `max_headers(MAX_HEADERS)` and a `max_buf_size` above
//! [`MAX_HEAD`](crate::MAX_HEAD). With half-close hyper does not look for the next head while an answer is outstanding.
//! Three things rest on that:
//! * A refused head harms no exchange before it. The read fails when hyper wants the next head, so all earlier answers
//!   are under way. hyper then takes the connection for ended. Its next flush or shutdown comes behind all that it has
//!   written: there the prepared answer is written, and the connection shut down. If hyper never meets the failure,
//!   nothing is written: an answer with `Connection: close` is the last one.
//! * The end of the client's stream behind a request does not cancel it. A reset does: `Inspected` looks ahead by one
//!   byte at each flush, as hyper itself reads nothing then.
//! * Bytes behind a request that asks for an upgrade are judged only when its answer is known. A service that answers
//!   101 calls [`RequestHandle::switch_protocols`] first.
//!
//! A violation within a body is a failure of that body's stream. The service then answers as it can, and hyper ends the
//! connection behind that answer. [`RequestHandle::violation`] tells the reason in both cases. What hyper's connection
//! returns does not: it hides the failure of some reads.
//!
//! hyper limits the time neither of a flush nor of a shutdown: the owner of the connection does.
//!
//! # In front of a hyper client
//! [`ResponseHandle::expect`] comes before each request is sent. A violation fails the exchange, or ends the idle
//! connection; [`ResponseHandle::is_reusable`] tells whether the connection may carry another request.

mod handle;
mod held;
mod inspection;

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::inspector::Inspector;
use crate::malformed::{Malformed, Reason};
use crate::request::RequestInspector;
use crate::response::ResponseInspector;
use held::Held;
use inspection::{Shared, Violation};

pub use handle::{RequestHandle, ResponseHandle};

/// Bytes of a read while a head is incomplete.
const READ: usize = 8 * 1024;

/// I/O whose reader gets only what the inspector passes. Writes go straight through.
pub struct Inspected<Io, I> {
    io: Io,
    inspection: Shared<I>,
    held: Held,
    farewell: Farewell,
    /// The reader waits for more.
    is_reading: bool,
    /// The peer sends no more.
    has_ended: bool,
}

/// The answer to a refused head.
enum Farewell {
    None,
    /// Of a server without a refusal so far. Renders the answer to one.
    Prepared(Box<dyn FnOnce(&Malformed) -> Bytes + Send>),
    /// To be written behind all else.
    Due(Bytes),
    /// Written, and the writing side shut down.
    Said,
}

/// What came of a read.
enum Read {
    /// Bytes for the reader.
    Passed,
    /// Bytes to judge.
    Held,
    /// The peer sends no more.
    End,
}

impl<Io> Inspected<Io, RequestInspector> {
    /// Reads requests. `answer` renders what a client gets whose head is refused, and is called at most once.
    pub fn server(
        io: Io,
        answer: impl FnOnce(&Malformed) -> Bytes + Send + 'static,
    ) -> (Self, RequestHandle) {
        let inspection = Shared::new(RequestInspector::new());
        let handle = RequestHandle::new(inspection.clone());
        let farewell = Farewell::Prepared(Box::new(answer));
        (Self::new(io, inspection, farewell), handle)
    }
}

impl<Io> Inspected<Io, ResponseInspector> {
    /// Reads responses.
    pub fn client(io: Io) -> (Self, ResponseHandle) {
        let inspection = Shared::new(ResponseInspector::new());
        let handle = ResponseHandle::new(inspection.clone());
        (Self::new(io, inspection, Farewell::None), handle)
    }
}

impl<Io, I> Inspected<Io, I> {
    fn new(io: Io, inspection: Shared<I>, farewell: Farewell) -> Self {
        Self { io, inspection, held: Held::default(), farewell, is_reading: false, has_ended: false }
    }

    /// The I/O below, and the bytes read from it that nobody has got. For what follows a switch of protocols.
    pub fn into_parts(self) -> (Io, Bytes) {
        (self.io, self.held.into_bytes())
    }
}

impl<Io: AsyncRead + Unpin, I: Inspector> Inspected<Io, I> {
    /// Gives `buf` what may pass.
    fn poll_passed(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while buf.remaining() > 0 {
            if self.held.serve(buf) {
                return Poll::Ready(Ok(()));
            }
            let violation = self.inspection.lock().judge_held(&mut self.held);
            if let Some(violation) = violation {
                return Poll::Ready(Err(self.fail(violation)));
            }
            if self.held.has_passed() {
                continue;
            }
            let read = match (self.has_ended, self.held.is_empty()) {
                (true, _) => Read::End,
                (false, true) => ready!(self.read_through(cx, buf))?,
                (false, false) => ready!(self.read_held(cx))?,
            };
            match read {
                Read::Held => (),
                Read::Passed => return Poll::Ready(Ok(())),
                Read::End => {
                    self.has_ended = true;
                    let violation = self.inspection.lock().judge_end();
                    return Poll::Ready(violation.map_or(Ok(()), |violation| Err(self.fail(violation))));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads into `buf` itself, and takes out what may not pass yet.
    fn read_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Read>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            return Poll::Ready(Ok(Read::End));
        }
        let passed = self.inspection.lock().judge(read);
        self.held.hold(read.get(passed..).unwrap_or_default());
        buf.set_filled(before + passed);
        Poll::Ready(Ok(if passed > 0 { Read::Passed } else { Read::Held }))
    }

    /// Reads behind the bytes that are held.
    fn read_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Read>> {
        let bytes = self.held.reserve(READ);
        let read = ready!(pin!(self.io.read_buf(bytes)).poll(cx))?;
        Poll::Ready(Ok(if read > 0 { Read::Held } else { Read::End }))
    }

    /// The failure of a read. A refused head gets its answer from now on.
    fn fail(&mut self, violation: Violation) -> io::Error {
        let malformed = violation.malformed;
        if violation.is_head {
            self.farewell = match std::mem::replace(&mut self.farewell, Farewell::None) {
                Farewell::Prepared(answer) => Farewell::Due(answer(&malformed)),
                other => other,
            };
        }
        let kind = match malformed.reason {
            Reason::Truncated => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, malformed)
    }
}

impl<Io: AsyncWrite + Unpin, I> Inspected<Io, I> {
    /// Writes the answer that is due, and shuts down.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Farewell::Due(answer) = &mut self.farewell {
            while answer.has_remaining() {
                let written = ready!(Pin::new(&mut self.io).poll_write(cx, answer))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                answer.advance(written);
            }
        }
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        self.farewell = Farewell::Said;
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncRead + Unpin, I> Inspected<Io, I> {
    /// Finds a reset while the reader has no wish to read. The byte that may come instead is held.
    fn look_ahead(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.has_ended || !self.held.is_empty() {
            return Ok(());
        }
        let mut byte = [0];
        let mut ahead = ReadBuf::new(&mut byte);
        if let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, &mut ahead) {
            read?;
            self.has_ended = ahead.filled().is_empty();
            self.held.hold(ahead.filled());
            // It came behind the reader's own look.
            if self.is_reading {
                cx.waker().wake_by_ref();
            }
        }
        Ok(())
    }
}

impl<Io: AsyncRead + Unpin, I: Inspector + Unpin> AsyncRead for Inspected<Io, I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.poll_passed(cx, buf);
        self.is_reading = read.is_pending();
        read
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, I: Unpin> AsyncWrite for Inspected<Io, I> {
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
        match self.farewell {
            // Not left to the shutdown: behind a declined upgrade hyper drops the connection without one.
            Farewell::Due(_) => self.poll_farewell(cx),
            Farewell::Said => Poll::Ready(Ok(())),
            Farewell::None => Pin::new(&mut self.io).poll_flush(cx),
            Farewell::Prepared(_) => {
                self.look_ahead(cx)?;
                Pin::new(&mut self.io).poll_flush(cx)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.farewell {
            Farewell::Due(_) => self.poll_farewell(cx),
            Farewell::Said => Poll::Ready(Ok(())),
            Farewell::None | Farewell::Prepared(_) => Pin::new(&mut self.io).poll_shutdown(cx),
        }
    }
}
