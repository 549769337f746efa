//! From a stream to an application's socket.

use std::io::IoSlice;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use super::{CopyError, add, socket};
use crate::stream::Reader;

/// Pieces written with one system call.
const PIECES: usize = 32;
/// Bytes that one poll may move before other tasks have their turn.
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

    /// Ready when the peer has finished and the application's socket took all of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CopyError>> {
        let mut moved = 0;
        while !self.ended {
            self.reader.poll_pull(cx)?;
            if self.reader.is_finished() {
                self.ended = true;
                return Poll::Ready(socket::shutdown_write(self.socket).map_err(CopyError::near));
            }
            let stalled = self.reader.unread() > 0 && self.socket.poll_write_ready(cx).is_pending();
            if stalled || self.reader.unread() == 0 {
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
