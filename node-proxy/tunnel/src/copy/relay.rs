//! Copies from one socket to another.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

use super::read_size::ReadSize;
use super::reset_watch::ResetWatch;
use super::{CopyError, End, add, socket};
use crate::buffers::{Buffer, BufferPool, LentPipe, Size};
use crate::window::{Account, Holding};

/// Bytes that one poll may move before other tasks get their turn.
const TURN: usize = 512 * 1024;

/// One direction. It copies through a buffer, which suits small amounts, and through a pipe once there is much.
pub(super) struct Relay<'a> {
    from: &'a TcpStream,
    from_end: End,
    to: &'a TcpStream,
    to_end: End,
    buffers: &'a BufferPool,
    counter: &'a AtomicU64,
    read_size: ReadSize,
    waiting: Waiting,
    holding: Holding,
    reset_watch: ResetWatch<'a>,
    ended: bool,
}

/// Bytes that were read and not yet written.
enum Waiting {
    Nothing,
    Buffer(Buffer),
    Pipe(LentPipe),
    /// The rest of a buffer, in a block of its own size.
    Rest(Bytes),
}

impl<'a> Relay<'a> {
    pub(super) fn new(
        (from, from_end): (&'a TcpStream, End),
        (to, to_end): (&'a TcpStream, End),
        buffers: &'a BufferPool,
        counter: &'a AtomicU64,
        account: &Arc<Account>,
    ) -> Self {
        Self {
            from,
            from_end,
            to,
            to_end,
            buffers,
            counter,
            read_size: ReadSize::new(),
            waiting: Waiting::Nothing,
            holding: Holding::new(Arc::clone(account)),
            reset_watch: ResetWatch::new(from),
            ended: false,
        }
    }

    /// Ready when `from` has finished and `to` took all bytes.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        while !self.ended {
            if !self.waiting.holds_bytes() {
                let Poll::Ready(ready) = self.from.poll_read_ready(cx) else {
                    self.rest(cx)?;
                    return Poll::Pending;
                };
                let read = ready.and_then(|()| self.read()).map_err(|error| broken(self.from_end, error))?;
                if read == Some(0) {
                    socket::shutdown_write(self.to).map_err(|error| broken(self.to_end, error))?;
                    self.ended = true;
                    self.rest(cx)?;
                }
            }
            if self.waiting.holds_bytes() {
                let Poll::Ready(ready) = self.to.poll_write_ready(cx) else {
                    self.park(cx)?;
                    return self.reset_watch.poll(cx).map(|error| Err(broken(self.from_end, error)));
                };
                self.reset_watch.forget();
                moved += ready.and_then(|()| self.write()).map_err(|error| broken(self.to_end, error))?;
            }
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// `from` broke. Ready when `to` took the bytes that came before, as far as the kernel still has them.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        while !self.ended {
            // A broken connection has the rest at once or not at all; the runtime hears of it a little later.
            if !self.waiting.holds_bytes()
                && (ready!(self.from.poll_read_ready(cx)).is_err() || !matches!(self.read(), Ok(Some(1..))))
            {
                break;
            }
            let Poll::Ready(ready) = self.to.poll_write_ready(cx) else {
                self.park(cx)?;
                return Poll::Pending;
            };
            ready.and_then(|()| self.write()).map_err(|error| broken(self.to_end, error))?;
        }
        self.rest(cx)?;
        Poll::Ready(Ok(()))
    }

    /// Nothing is waiting, so holds nothing.
    fn rest(&mut self, cx: &mut Context<'_>) -> Result<(), CopyError> {
        self.give_back();
        Ok(self.holding.set(0, cx.waker())?)
    }

    /// `to` takes nothing: counts the waiting bytes, in a block at most twice their size.
    fn park(&mut self, cx: &mut Context<'_>) -> Result<(), CopyError> {
        if let Waiting::Buffer(buffer) = &self.waiting
            && buffer.len() <= buffer.size().bytes() / 2
        {
            self.waiting = Waiting::Rest(Bytes::copy_from_slice(buffer));
        }
        Ok(self.holding.set(self.waiting.len(), cx.waker())?)
    }

    fn give_back(&mut self) {
        if let Waiting::Pipe(pipe) = std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            self.buffers.give_pipe(pipe);
        }
    }

    /// None if nothing was there, 0 at the end.
    fn read(&mut self) -> io::Result<Option<usize>> {
        let size = self.size();
        self.prepare(size);
        let read = match &mut self.waiting {
            Waiting::Pipe(lent) => socket::fill(self.from, &mut lent.pipe)?,
            Waiting::Buffer(buffer) => socket::read(self.from, buffer, size.bytes())?,
            Waiting::Nothing | Waiting::Rest(_) => None,
        };
        if let Some(read) = read {
            self.read_size.record(read, size.bytes());
        }
        Ok(read)
    }

    /// The chosen read size, while the account has room for that many stalled bytes.
    fn size(&self) -> Size {
        let size = self.read_size.size();
        if self.holding.room() < size.bytes() { Size::Small } else { size }
    }

    /// Prepares the target of the next read: a pipe for large reads, if one is free.
    fn prepare(&mut self, size: Size) {
        let much = size == Size::Large;
        if much && matches!(self.waiting, Waiting::Pipe(_)) {
            return;
        }
        self.give_back();
        let pipe = if much { self.buffers.take_pipe() } else { None };
        self.waiting = pipe.map_or_else(|| Waiting::Buffer(self.buffers.take(size)), Waiting::Pipe);
    }

    fn write(&mut self) -> io::Result<usize> {
        let written = match &mut self.waiting {
            Waiting::Nothing => None,
            Waiting::Pipe(lent) => socket::drain(self.to, &mut lent.pipe)?,
            Waiting::Buffer(buffer) => write(self.to, &mut **buffer)?,
            Waiting::Rest(rest) => write(self.to, rest)?,
        };
        let written = written.unwrap_or(0);
        add(self.counter, written);
        Ok(written)
    }
}

impl Waiting {
    fn holds_bytes(&self) -> bool {
        self.len() > 0
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Buffer(buffer) => buffer.len(),
            Self::Pipe(lent) => lent.pipe.len(),
            Self::Rest(rest) => rest.len(),
        }
    }
}

/// Writes what `to` takes of `bytes`; None if it takes nothing now.
fn write(to: &TcpStream, bytes: &mut impl Buf) -> io::Result<Option<usize>> {
    let written = socket::write(to, &[IoSlice::new(bytes.chunk())])?;
    bytes.advance(written.unwrap_or(0));
    Ok(written)
}

fn broken(end: End, source: io::Error) -> CopyError {
    CopyError::Broken { end, source }
}
