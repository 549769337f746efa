//! From one socket to another.

use std::io::{self, IoSlice};
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use bytes::Buf;
use tokio::net::TcpStream;

use super::appetite::Appetite;
use super::cut::Cut;
use super::{CopyError, End, add, socket};
use crate::buffers::{Buffer, BufferPool, Pipe, Size};

/// Bytes that one poll may move before other tasks have their turn.
const TURN: usize = 512 * 1024;

/// One direction. It copies through a buffer, which is best for little at a time, until there is much: then it moves
/// through a pipe.
pub(super) struct Relay<'a> {
    from: &'a TcpStream,
    from_end: End,
    to: &'a TcpStream,
    to_end: End,
    buffers: &'a BufferPool,
    counter: &'a AtomicU64,
    appetite: Appetite,
    waiting: Waiting,
    cut: Cut<'a>,
    ended: bool,
}

/// What was read and not yet written.
enum Waiting {
    Nothing,
    Buffer(Buffer),
    Pipe(Pipe),
}

impl<'a> Relay<'a> {
    pub(super) fn new(
        (from, from_end): (&'a TcpStream, End),
        (to, to_end): (&'a TcpStream, End),
        buffers: &'a BufferPool,
        counter: &'a AtomicU64,
    ) -> Self {
        Self {
            from,
            from_end,
            to,
            to_end,
            buffers,
            counter,
            appetite: Appetite::new(),
            waiting: Waiting::Nothing,
            cut: Cut::of(from),
            ended: false,
        }
    }

    /// Ready when the one has finished and the other took all of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        while !self.ended {
            if !self.waiting.holds_bytes() {
                let Poll::Ready(ready) = self.from.poll_read_ready(cx) else {
                    self.rest();
                    return Poll::Pending;
                };
                let read = ready.and_then(|()| self.read()).map_err(|error| broken(self.from_end, error))?;
                if read == Some(0) {
                    socket::shutdown_write(self.to).map_err(|error| broken(self.to_end, error))?;
                    self.ended = true;
                    self.rest();
                }
            }
            if self.waiting.holds_bytes() {
                let Poll::Ready(ready) = self.to.poll_write_ready(cx) else {
                    return self.cut.poll(cx).map(|error| Err(broken(self.from_end, error)));
                };
                self.cut.forget();
                moved += ready.and_then(|()| self.write()).map_err(|error| broken(self.to_end, error))?;
            }
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing is there, so nothing is held.
    fn rest(&mut self) {
        if let Waiting::Pipe(pipe) = std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            self.buffers.give_pipe(pipe);
        }
    }

    /// None if nothing was there, 0 at the end.
    fn read(&mut self) -> io::Result<Option<usize>> {
        let size = self.appetite.size();
        self.prepare(size);
        let read = match &mut self.waiting {
            Waiting::Pipe(pipe) => socket::fill(self.from, pipe)?,
            Waiting::Buffer(buffer) => socket::read(self.from, buffer, size.bytes())?,
            Waiting::Nothing => None,
        };
        if let Some(read) = read {
            self.appetite.after(read, size.bytes());
        }
        Ok(read)
    }

    /// Takes what to read into: a pipe where there is much, if there is a pipe to be had.
    fn prepare(&mut self, size: Size) {
        let much = size == Size::Large;
        if much && matches!(self.waiting, Waiting::Pipe(_)) {
            return;
        }
        self.rest();
        let pipe = if much { self.buffers.take_pipe().ok() } else { None };
        self.waiting = pipe.map_or_else(|| Waiting::Buffer(self.buffers.take(size)), Waiting::Pipe);
    }

    fn write(&mut self) -> io::Result<usize> {
        let written = match &mut self.waiting {
            Waiting::Nothing => None,
            Waiting::Pipe(pipe) => socket::drain(self.to, pipe)?,
            Waiting::Buffer(buffer) => {
                let written = socket::write(self.to, &[IoSlice::new(buffer)])?;
                buffer.advance(written.unwrap_or(0));
                written
            }
        };
        let written = written.unwrap_or(0);
        add(self.counter, written);
        Ok(written)
    }
}

impl Waiting {
    fn holds_bytes(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Buffer(buffer) => !buffer.is_empty(),
            Self::Pipe(pipe) => !pipe.is_empty(),
        }
    }
}

fn broken(end: End, source: io::Error) -> CopyError {
    CopyError::Broken { end, source }
}
