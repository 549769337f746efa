//! From one socket to another.

use std::io::IoSlice;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::net::TcpStream;

use super::appetite::Appetite;
use super::{CopyError, End, add, socket};
use crate::buffers::{Buffer, BufferPool};

/// Bytes that one poll may move before other tasks have their turn.
const TURN: usize = 512 * 1024;

pub(super) struct Relay<'a> {
    from: (&'a TcpStream, End),
    to: (&'a TcpStream, End),
    buffers: &'a BufferPool,
    counter: &'a AtomicU64,
    appetite: Appetite,
    /// What was read and not yet written.
    waiting: Option<Buffer>,
    ended: bool,
}

impl<'a> Relay<'a> {
    pub(super) fn new(
        from: (&'a TcpStream, End),
        to: (&'a TcpStream, End),
        buffers: &'a BufferPool,
        counter: &'a AtomicU64,
    ) -> Self {
        Self { from, to, buffers, counter, appetite: Appetite::new(), waiting: None, ended: false }
    }

    /// Ready when the one has finished and the other took all of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        while !self.ended {
            if self.waiting.is_none() {
                ready!(self.from.0.poll_read_ready(cx)).map_err(|error| broken(self.from.1, error))?;
                self.read().map_err(|error| broken(self.from.1, error))?;
            }
            if self.waiting.is_some() {
                ready!(self.to.0.poll_write_ready(cx)).map_err(|error| broken(self.to.1, error))?;
                moved += self.write().map_err(|error| broken(self.to.1, error))?;
            }
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn read(&mut self) -> std::io::Result<()> {
        let limit = self.appetite.size().bytes();
        let mut buffer = self.buffers.take(self.appetite.size());
        match socket::read(self.from.0, &mut buffer, limit)? {
            None => {}
            Some(0) => {
                socket::shutdown_write(self.to.0)?;
                self.ended = true;
            }
            Some(read) => {
                self.appetite.after(read, limit);
                self.waiting = Some(buffer);
            }
        }
        Ok(())
    }

    fn write(&mut self) -> std::io::Result<usize> {
        let Some(buffer) = &mut self.waiting else {
            return Ok(0);
        };
        let written = socket::write(self.to.0, &[IoSlice::new(buffer)])?.unwrap_or(0);
        buffer.advance(written);
        add(self.counter, written);
        if buffer.is_empty() {
            self.waiting = None;
        }
        Ok(written)
    }
}

fn broken(end: End, source: std::io::Error) -> CopyError {
    CopyError::Broken { end, source }
}
