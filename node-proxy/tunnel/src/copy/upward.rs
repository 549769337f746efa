//! From an application's socket into a stream.

use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use h2::Reason;
use tokio::net::TcpStream;

use super::appetite::Appetite;
use super::cut::Cut;
use super::{CopyError, add, socket};
use crate::buffers::{BufferPool, Size};
use crate::stream::Writer;

/// Bytes that one poll may move before other tasks have their turn.
const TURN: usize = 512 * 1024;

pub(super) struct Upward<'a> {
    socket: &'a TcpStream,
    writer: Writer,
    buffers: &'a BufferPool,
    counter: &'a AtomicU64,
    appetite: Appetite,
    cut: Cut<'a>,
    ended: bool,
}

impl<'a> Upward<'a> {
    pub(super) fn new(
        socket: &'a TcpStream,
        writer: Writer,
        buffers: &'a BufferPool,
        counter: &'a AtomicU64,
    ) -> Self {
        Self {
            socket,
            writer,
            buffers,
            counter,
            appetite: Appetite::new(),
            cut: Cut::of(socket),
            ended: false,
        }
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        self.writer.reset(reason);
    }

    /// Ready when the application has finished, or the peer wants no more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        // Once a turn: what the peer says is taken in by another task.
        if !self.ended
            && let Poll::Ready(reset) = self.writer.poll_reset(cx)
        {
            self.ended = true;
            return Poll::Ready(reset.map_or(Ok(()), |error| Err(error.into())));
        }
        while !self.ended {
            ready!(self.socket.poll_read_ready(cx)).map_err(CopyError::near)?;
            let Poll::Ready(room) = self.writer.poll_room(cx, self.appetite.size().bytes()) else {
                return self.cut.poll(cx).map(|error| Err(CopyError::near(error)));
            };
            self.cut.forget();
            let room = room?;
            moved += self.step(room)?;
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// One read, sent on. A small read is made even where the window has less room: what is too much waits in memory,
    /// instead of making ever smaller frames.
    fn step(&mut self, room: usize) -> Result<usize, CopyError> {
        let size = self.appetite.size();
        let limit = room.clamp(Size::Small.bytes(), size.bytes());
        let mut buffer = self.buffers.take(size);
        let read = socket::read(self.socket, &mut buffer, limit).map_err(CopyError::near)?;
        match read {
            None => self.writer.release_room(),
            Some(0) => {
                self.writer.finish()?;
                self.ended = true;
            }
            Some(read) => {
                self.writer.send(buffer.take_filled())?;
                add(self.counter, read);
                self.appetite.after(read, limit);
                if read < limit {
                    self.writer.release_room();
                }
            }
        }
        Ok(read.unwrap_or(0))
    }
}
