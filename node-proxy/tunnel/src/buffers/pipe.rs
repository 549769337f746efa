//! A buffer in the kernel: bytes pass through it from one descriptor to another without being copied (splice(2)).

use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use socket2::SockRef;

/// Size requested for a pipe. Beyond 64 MiB a user the system makes pipes smaller (pipe(7), pipe-user-pages-soft).
const CAPACITY: usize = 256 * 1024;

/// One pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    outlet: OwnedFd,
    inlet: OwnedFd,
    held: usize,
}

impl Pipe {
    /// # Errors
    /// When descriptors are short.
    pub(super) fn new() -> io::Result<Self> {
        let (outlet, inlet) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        // Beyond the user's quota the pipe keeps the size it has.
        fcntl_setpipe_size(&inlet, CAPACITY).ok();
        Ok(Self { outlet, inlet, held: 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Bytes in the pipe.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    /// Moves bytes from a socket into the empty pipe until it is full or nothing is left; 0 at the end.
    ///
    /// # Errors
    /// `WouldBlock` if `from` has nothing; else the error of `from`.
    pub(crate) fn fill(&mut self, from: impl AsFd) -> io::Result<usize> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let moved = match splice(&from, None, &self.inlet, None, CAPACITY, flags).map_err(io::Error::from) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.fill_by_hand(from)?,
            spliced => spliced?,
        };
        self.held += moved;
        Ok(moved)
    }

    /// Reads one byte: splice(2) stops before urgent data as if nothing were there (`tcp_read_sock`), and goes on
    /// behind it.
    fn fill_by_hand(&self, from: impl AsFd) -> io::Result<usize> {
        let mut byte = [0];
        let read = (&*SockRef::from(&from)).read(&mut byte)?;
        if read > 0 {
            rustix::io::write(&self.inlet, &byte)?;
        }
        Ok(read)
    }

    /// Moves bytes out.
    ///
    /// # Errors
    /// `WouldBlock` if `to` takes nothing; else the error of `to`.
    pub(crate) fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let moved =
            splice(&self.outlet, None, to, None, self.held, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }
}

#[cfg(test)]
mod tests;
