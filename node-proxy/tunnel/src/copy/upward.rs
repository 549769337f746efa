//! Copies from an application's socket into a stream.

use std::future::poll_fn;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
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
            appetite: Appetite::new(),
            cut: Cut::of(socket),
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

    pub(super) fn reset(&mut self, reason: Reason) {
        self.writer.reset(reason);
    }

    /// Whether the peer wants no more, although the application may not have finished.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Ready when the application has finished, or the peer wants no more: what the application sends then is dropped, so that
    /// it comes to read the answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        // Once a turn: what the peer says is taken in by another task.
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
            let Poll::Ready(room) = self.writer.poll_room(cx, self.appetite.size().bytes()) else {
                return self.cut.poll(cx).map(|error| Err(CopyError::near(error)));
            };
            self.cut.forget();
            moved += self.step(room?)?;
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The application is gone: sends what its socket still holds of it, and waits until that has left.
    pub(super) async fn send_rest(&mut self) {
        while !self.ended
            && let Some(chunk) = self.read_rest().await
            && self.send(chunk).is_ok()
        {}
        self.writer.flushed().await;
    }

    /// None when there is no more, or nobody takes it.
    async fn read_rest(&mut self) -> Option<Chunk> {
        // The runtime may hear of the rest later than of what ended the copy.
        poll_fn(|cx| self.socket.poll_read_ready(cx)).await.ok()?;
        let room = poll_fn(|cx| self.writer.poll_room(cx, self.appetite.size().bytes())).await.ok()?;
        self.read(room).ok()?.filter(|chunk| !chunk.is_end())
    }

    fn discard(&mut self, cx: &mut Context<'_>) -> Result<(), CopyError> {
        match socket::poll_discard(self.socket, self.buffers, cx) {
            Poll::Ready(Err(error)) => Err(CopyError::near(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// One read, sent on.
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

    /// Reads what is there; None if nothing is. A small read is made even where the window has less room: what is too much waits
    /// in memory, instead of making ever smaller frames.
    fn read(&mut self, room: usize) -> Result<Option<Chunk>, CopyError> {
        let size = self.appetite.size();
        let limit = room.clamp(Size::Small.bytes(), size.bytes());
        let mut buffer = self.buffers.take(size);
        let Some(read) = socket::read(self.socket, &mut buffer, limit).map_err(CopyError::near)? else {
            return Ok(None);
        };
        self.appetite.after(read, limit);
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
    /// There was no more.
    is_short: bool,
}

impl Chunk {
    fn is_end(&self) -> bool {
        self.bytes.is_empty()
    }
}
