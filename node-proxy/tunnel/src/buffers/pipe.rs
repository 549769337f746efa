//! A buffer in the kernel: bytes pass through it from one descriptor to another without being copied (splice(2)).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// What a pipe is asked to hold; a user may have 64 MiB of them before the system makes them smaller (pipe(7),
/// pipe-user-pages-soft).
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
    /// When there are too many descriptors.
    pub(super) fn new() -> io::Result<Self> {
        let (outlet, inlet) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        // Past the user's quota it works with the size it has.
        fcntl_setpipe_size(&inlet, CAPACITY).ok();
        Ok(Self { outlet, inlet, held: 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Bytes that it holds.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    /// Moves bytes in, until it is full or there are no more; 0 at the end.
    ///
    /// # Errors
    /// `WouldBlock`, which of an empty pipe means that `from` has nothing; what is wrong with `from`.
    pub(crate) fn fill(&mut self, from: impl AsFd) -> io::Result<usize> {
        let moved =
            splice(from, None, &self.inlet, None, CAPACITY, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?;
        self.held += moved;
        Ok(moved)
    }

    /// Moves bytes out.
    ///
    /// # Errors
    /// `WouldBlock`, if `to` takes none; what is wrong with `to`.
    pub(crate) fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let moved =
            splice(&self.outlet, None, to, None, self.held, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }
}
