//! Copies from an application's socket into a stream.

use std::future::poll_fn;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::read_size::ReadSize;
use super::reset_watch::ResetWatch;
use super::{CopyError, add, socket};
use crate::buffers::{BufferPool, Size};
use crate::error::ResetReason;
use crate::stream::Writer;

/// Bytes that one poll may move before other tasks get their turn.
const TURN: usize = 512 * 1024;

pub(super) struct Upward<'a> {
    socket: &'a TcpStream,
    writer: Writer,
    buffers: &'a BufferPool,
    counter: &'a AtomicU64,
    read_size: ReadSize,
    reset_watch: ResetWatch<'a>,
    ended: bool,
    refused: bool,
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
            read_size: ReadSize::new(),
            reset_watch: ResetWatch::new(socket),
            ended: false,
            refused: false,
        }
    }

    pub(super) fn socket(&self) -> &'a TcpStream {
        self.socket
    }

    pub(super) fn buffers(&self) -> &'a BufferPool {
        self.buffers
    }

    pub(super) fn reset(&mut self, reason: ResetReason) {
        self.writer.reset(reason);
    }

    /// Whether the peer wants no more, although the application may not have finished.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Ready when the application has finished, or the peer wants no more. In the second case it drops what the
    /// application sends, so that the application comes to read the answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        // Once a poll: another task receives the peer's reset.
        if !self.ended
            && !self.refused
            && let Poll::Ready(reset) = self.writer.poll_reset(cx)
        {
            self.refused = reset.map_or(Ok(true), |error| Err(CopyError::from(error)))?;
        }
        if self.refused {
            return Poll::Ready(self.discard(cx));
        }
        while !self.ended {
            ready!(self.socket.poll_read_ready(cx)).map_err(CopyError::near)?;
            let Poll::Ready(room) = self.writer.poll_room(cx, self.read_size.size().bytes()) else {
                return self.reset_watch.poll(cx).map(|error| Err(CopyError::near(error)));
            };
            self.reset_watch.forget();
            moved += self.step(room?)?;
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The application is gone. Sends what its socket still holds, and waits until that has left.
    pub(super) async fn send_rest(&mut self) {
        while !self.ended
            && let Some(chunk) = self.read_rest().await
            && self.send(chunk).is_ok()
        {}
        self.writer.flushed().await;
    }

    /// None when nothing is left, or the peer takes nothing.
    async fn read_rest(&mut self) -> Option<Chunk> {
        // The runtime may hear of the rest after the error that ended the copy.
        poll_fn(|cx| self.socket.poll_read_ready(cx)).await.ok()?;
        let room = poll_fn(|cx| self.writer.poll_room(cx, self.read_size.size().bytes())).await.ok()?;
        self.read(room).ok()?.filter(|chunk| !chunk.is_end())
    }

    fn discard(&mut self, cx: &mut Context<'_>) -> Result<(), CopyError> {
        match socket::poll_discard(self.socket, self.buffers, cx) {
            Poll::Ready(Err(error)) => Err(CopyError::near(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Reads once and sends the bytes.
    fn step(&mut self, room: usize) -> Result<usize, CopyError> {
        match self.read(room)? {
            None => {
                self.writer.release_room();
                Ok(0)
            }
            Some(chunk) if chunk.is_end() => {
                self.writer.finish()?;
                self.ended = true;
                Ok(0)
            }
            Some(chunk) => self.send(chunk),
        }
    }

    /// Reads available bytes; None if there are none. Reads at least a small buffer even where the window has less
    /// room: the excess waits in memory, which avoids ever smaller frames.
    fn read(&mut self, room: usize) -> Result<Option<Chunk>, CopyError> {
        let size = self.read_size.size();
        let limit = room.clamp(Size::Small.bytes(), size.bytes());
        let mut buffer = self.buffers.take(size);
        let Some(read) = socket::read(self.socket, &mut buffer, limit).map_err(CopyError::near)? else {
            return Ok(None);
        };
        self.read_size.record(read, limit);
        Ok(Some(Chunk { bytes: buffer.take_filled(), is_short: read < limit }))
    }

    fn send(&mut self, chunk: Chunk) -> Result<usize, CopyError> {
        let sent = chunk.bytes.len();
        self.writer.send(chunk.bytes)?;
        add(self.counter, sent);
        if chunk.is_short {
            self.writer.release_room();
        }
        Ok(sent)
    }
}

/// The bytes of one read.
struct Chunk {
    bytes: Bytes,
    /// The socket had no more.
    is_short: bool,
}

impl Chunk {
    fn is_end(&self) -> bool {
        self.bytes.is_empty()
    }
}
