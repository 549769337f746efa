//! Copies from a stream to an application's socket.

use std::io::IoSlice;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use super::{CopyError, add, socket};
use crate::stream::Reader;

/// Pieces in one system call.
const PIECES: usize = 32;
/// Bytes that one poll may move before other tasks get their turn.
const TURN: usize = 512 * 1024;

pub(super) struct Downward<'a> {
    socket: &'a TcpStream,
    reader: Reader,
    counter: &'a AtomicU64,
    ended: bool,
}

impl<'a> Downward<'a> {
    pub(super) fn new(socket: &'a TcpStream, reader: Reader, counter: &'a AtomicU64) -> Self {
        Self { socket, reader, counter, ended: false }
    }

    /// Ready when the peer has finished and the socket took all bytes. Reports a broken stream only when the socket
    /// takes no more: see [`Self::poll_rest`].
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        while !self.ended {
            let pulled = self.reader.poll_pull(cx);
            if self.reader.is_finished() {
                return Poll::Ready(self.finish());
            }
            if self.is_blocked(cx) {
                pulled?;
                self.reader.park(cx)?;
                return Poll::Pending;
            }
            moved += self.step()?;
            if moved >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The stream broke. Ready when the socket took the bytes that came before.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        // The caller knows the error already.
        self.reader.poll_pull(cx).ok();
        while self.reader.unread() > 0 {
            if self.is_blocked(cx) {
                self.reader.park(cx)?;
                return Poll::Pending;
            }
            self.step()?;
        }
        let has_to_finish = !self.ended && self.reader.is_finished();
        Poll::Ready(if has_to_finish { self.finish() } else { Ok(()) })
    }

    /// The application is gone. Drops incoming bytes, so that a peer that sends before it reads comes to read.
    pub(super) fn discard(&mut self, cx: &mut Context<'_>) {
        // Nobody waits for a broken stream.
        self.reader.poll_pull(cx).ok();
        self.reader.consume(self.reader.unread());
    }

    /// Whether nothing can be written now.
    fn is_blocked(&self, cx: &mut Context<'_>) -> bool {
        self.reader.unread() == 0 || self.socket.poll_write_ready(cx).is_pending()
    }

    fn finish(&mut self) -> Result<(), CopyError> {
        self.ended = true;
        socket::shutdown_write(self.socket).map_err(CopyError::near)
    }

    fn step(&mut self) -> Result<usize, CopyError> {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let filled = self.reader.slices(&mut pieces);
        let written = socket::write(self.socket, pieces.get(..filled).unwrap_or_default());
        let written = written.map_err(CopyError::near)?.unwrap_or(0);
        self.reader.consume(written);
        add(self.counter, written);
        Ok(written)
    }
}
