//! TCP socket calls of a copy.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::buffers::{Buffer, BufferPool, Pipe, Size};

/// Bytes that one poll may drop before other tasks get their turn.
const TURN: usize = 512 * 1024;

/// Reads available bytes, up to `limit`: None if there are none, 0 at the end.
pub(super) fn read(socket: &TcpStream, buffer: &mut Buffer, limit: usize) -> io::Result<Option<usize>> {
    let read = unblocked(socket.try_read_buf(&mut (&mut **buffer).limit(limit)))?;
    if read.is_some_and(|read| read > 0 && read < limit) {
        exhausted(socket, Interest::READABLE);
    }
    Ok(read)
}

/// Reads and drops bytes. Ready at the end, or with the error.
pub(super) fn poll_discard(
    socket: &TcpStream,
    buffers: &BufferPool,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut dropped = 0;
    while dropped < TURN {
        ready!(socket.poll_read_ready(cx))?;
        let size = Size::Medium;
        match read(socket, &mut buffers.take(size), size.bytes())? {
            Some(0) => return Poll::Ready(Ok(())),
            more => dropped += more.unwrap_or(0),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Moves available bytes into an empty pipe: None if there are none, 0 at the end.
pub(super) fn fill(socket: &TcpStream, pipe: &mut Pipe) -> io::Result<Option<usize>> {
    unblocked(socket.try_io(Interest::READABLE, || pipe.fill(socket)))
}

/// Moves bytes from a pipe to the socket: None if it takes nothing now.
pub(super) fn drain(socket: &TcpStream, pipe: &mut Pipe) -> io::Result<Option<usize>> {
    unblocked(socket.try_io(Interest::WRITABLE, || pipe.drain(socket)))
}

/// Writes bytes to the socket: None if it takes nothing now.
pub(super) fn write(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
    let written = match slices {
        // The plain call is cheaper.
        [only] => socket.try_write(only),
        several => socket.try_write_vectored(several),
    };
    let written = unblocked(written)?;
    let offered: usize = slices.iter().map(|slice| slice.len()).sum();
    if written.is_some_and(|written| written < offered) {
        exhausted(socket, Interest::WRITABLE);
    }
    Ok(written)
}

/// Sends FIN.
pub(super) fn shutdown_write(socket: &TcpStream) -> io::Result<()> {
    match SockRef::from(socket).shutdown(Shutdown::Write) {
        // The peer has reset the socket meanwhile. Reading reports that, if anyone still reads.
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

fn unblocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// A short read or write shows that the socket has nothing more, so the next wait need not try first. epoll is
/// edge-triggered and reports anything later, and tokio remembers that a side is closed.
fn exhausted(socket: &TcpStream, interest: Interest) {
    // The error only clears the readiness.
    socket.try_io(interest, || Err::<(), _>(ErrorKind::WouldBlock.into())).ok();
}

/// Makes closing the socket send RST, whatever ends the copy early: even a SIGKILL of the process.
pub fn reset_when_closed(socket: &TcpStream) {
    // Fails only on an invalid socket, which has no peer to reset.
    socket.set_zero_linger().ok();
}

/// The copy is done: closing the socket sends nothing after its FIN.
pub(super) fn close_quietly(socket: &TcpStream) {
    SockRef::from(socket).set_linger(None).ok();
}
