//! TCP socket calls that a copy makes.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::buffers::{Buffer, BufferPool, Pipe, Size};

/// Bytes that one poll may drop before other tasks have their turn.
const TURN: usize = 512 * 1024;

/// Reads the bytes that are there, up to `limit`: None if nothing is, 0 at the end.
pub(super) fn read(socket: &TcpStream, buffer: &mut Buffer, limit: usize) -> io::Result<Option<usize>> {
    let read = unblocked(socket.try_read_buf(&mut (&mut **buffer).limit(limit)))?;
    if read.is_some_and(|read| read > 0 && read < limit) {
        exhausted(socket, Interest::READABLE);
    }
    Ok(read)
}

/// Reads what is there and drops it: ready when there is no more to come, or why there is not.
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

/// Moves what is there into an empty pipe: None if nothing is, 0 at the end.
pub(super) fn fill(socket: &TcpStream, pipe: &mut Pipe) -> io::Result<Option<usize>> {
    unblocked(socket.try_io(Interest::READABLE, || pipe.fill(socket)))
}

/// Moves what the socket takes out of a pipe: None if it takes nothing now.
pub(super) fn drain(socket: &TcpStream, pipe: &mut Pipe) -> io::Result<Option<usize>> {
    unblocked(socket.try_io(Interest::WRITABLE, || pipe.drain(socket)))
}

/// Writes what the socket takes: None if it takes nothing now.
pub(super) fn write(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
    let written = match slices {
        // The plain call is the cheaper one.
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

/// FIN.
pub(super) fn shutdown_write(socket: &TcpStream) -> io::Result<()> {
    match SockRef::from(socket).shutdown(Shutdown::Write) {
        // The other side has reset it meanwhile, which reading will tell if anyone still cares.
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

/// A short read or write has shown that the socket has nothing more: the next wait need not try first. epoll tells of
/// anything that came after it (edge-triggered), and tokio never forgets that a side is closed.
fn exhausted(socket: &TcpStream, interest: Interest) {
    // The error is what clears the readiness; it says nothing.
    socket.try_io(interest, || Err::<(), _>(ErrorKind::WouldBlock.into())).ok();
}

/// From now on closing the socket says RST: whatever ends the copy before it is done, the end of the process by SIGKILL
/// included.
pub fn reset_when_closed(socket: &TcpStream) {
    // Fails only on a socket that is no longer one: then there is nobody to tell.
    socket.set_zero_linger().ok();
}

/// The copy is done: closing the socket says no more than its FIN has.
pub(super) fn close_quietly(socket: &TcpStream) {
    SockRef::from(socket).set_linger(None).ok();
}
