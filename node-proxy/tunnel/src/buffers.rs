//! A worker takes a buffer when bytes can be read, and returns it once they are passed on.
//!
//! An idle connection holds no buffer. The pool keeps a bounded number for reuse. [`BufferPool::trim`], called about
//! once a second, frees unused ones.

mod pipe;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};

pub(crate) use pipe::Pipe;

/// A read up to this long is copied into a block of its own size: cheaper than keeping the buffer busy until it is sent.
const COPIED: usize = 2 * 1024;

/// How large a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// 16 KiB: the size that a connection starts with.
    Small,
    /// 64 KiB.
    Medium,
    /// 256 KiB: bulk transfers.
    Large,
}

impl Size {
    /// All sizes, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 16 * 1024,
            Self::Medium => 64 * 1024,
            Self::Large => 256 * 1024,
        }
    }

    /// The next size up; the largest stays.
    #[must_use]
    pub const fn larger(self) -> Self {
        match self {
            Self::Small => Self::Medium,
            Self::Medium | Self::Large => Self::Large,
        }
    }

    /// The next size down; the smallest stays.
    #[must_use]
    pub const fn smaller(self) -> Self {
        match self {
            Self::Small | Self::Medium => Self::Small,
            Self::Large => Self::Medium,
        }
    }

    /// Buffers of this size that are kept for reuse: 7 MiB over all sizes.
    const fn kept(self) -> usize {
        match self {
            Self::Small => 64,
            Self::Medium => 32,
            Self::Large => 16,
        }
    }
}

/// Empty pipes kept for reuse: eight hold no memory but 16 descriptors.
const PIPES: usize = 8;
/// Pipes in use at a time. Each takes two descriptors; a relay without a pipe uses a buffer.
const PIPES_IN_USE: usize = 64;

/// The buffers of one worker. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct BufferPool {
    free_lists: Rc<[RefCell<FreeList>; 3]>,
    pipes: Rc<RefCell<Vec<Pipe>>>,
    pipes_in_use: Rc<Cell<usize>>,
}

/// Buffers of one size: free ones at the front, ones that a socket may still be sending at the back.
#[derive(Debug, Default)]
struct FreeList {
    buffers: VecDeque<BytesMut>,
    /// The fewest buffers here since the last trim: nobody needed that many.
    spare: usize,
}

impl BufferPool {
    /// Takes an empty buffer.
    #[must_use]
    pub fn take(&self, size: Size) -> Buffer {
        let bytes = self.free_list(size).borrow_mut().take(size.bytes());
        Buffer { bytes, size, pool: self.clone() }
    }

    /// Takes an empty pipe. None if too many are in use, or descriptors are short.
    pub(crate) fn take_pipe(&self) -> Option<LentPipe> {
        let in_use = InUse::one_more_of(&self.pipes_in_use)?;
        let kept = self.pipes.borrow_mut().pop();
        let pipe = kept.map_or_else(Pipe::new, Ok).ok()?;
        Some(LentPipe { pipe, _in_use: in_use })
    }

    /// Returns a pipe. One that still holds bytes is dropped.
    pub(crate) fn give_pipe(&self, LentPipe { pipe, .. }: LentPipe) {
        let mut pipes = self.pipes.borrow_mut();
        if pipe.is_empty() && pipes.len() < PIPES {
            pipes.push(pipe);
        }
    }

    /// Frees the buffers that nobody needed since the last call, and all unused pipes.
    pub fn trim(&self) {
        self.pipes.borrow_mut().clear();
        for free_list in self.free_lists.iter() {
            free_list.borrow_mut().trim();
        }
    }

    /// Bytes kept for reuse.
    #[must_use]
    pub fn kept(&self) -> usize {
        Size::ALL.into_iter().map(|size| self.free_list(size).borrow().buffers.len() * size.bytes()).sum()
    }

    fn free_list(&self, size: Size) -> &RefCell<FreeList> {
        let [small, medium, large] = &*self.free_lists;
        match size {
            Size::Small => small,
            Size::Medium => medium,
            Size::Large => large,
        }
    }
}

impl FreeList {
    fn take(&mut self, bytes: usize) -> BytesMut {
        if let Some(mut buffer) = self.buffers.pop_front() {
            self.spare = self.spare.min(self.buffers.len());
            if buffer.try_reclaim(bytes) {
                return buffer;
            }
            self.buffers.push_front(buffer);
        }
        BytesMut::with_capacity(bytes)
    }

    fn give(&mut self, mut buffer: BytesMut, kept: usize, bytes: usize) {
        if self.buffers.len() >= kept {
            return;
        }
        buffer.clear();
        if buffer.try_reclaim(bytes) {
            self.buffers.push_front(buffer);
        } else {
            self.buffers.push_back(buffer);
        }
    }

    fn trim(&mut self) {
        let needed = self.buffers.len().saturating_sub(self.spare);
        self.buffers.truncate(needed);
        self.spare = self.buffers.len();
    }
}

/// A pipe on loan. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct LentPipe {
    pub(crate) pipe: Pipe,
    /// Held for its drop.
    _in_use: InUse,
}

/// Counts one pipe while it is in use.
#[derive(Debug)]
struct InUse(Rc<Cell<usize>>);

impl InUse {
    fn one_more_of(count: &Rc<Cell<usize>>) -> Option<Self> {
        (count.get() < PIPES_IN_USE).then(|| {
            count.set(count.get() + 1);
            Self(Rc::clone(count))
        })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A buffer on loan. Dropping it returns it.
#[derive(Debug)]
pub struct Buffer {
    bytes: BytesMut,
    size: Size,
    pool: BufferPool,
}

impl Buffer {
    /// Its size.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Takes out the bytes that were read; the spare room stays.
    #[must_use]
    pub fn take_filled(&mut self) -> Bytes {
        if self.bytes.len() <= COPIED {
            let copy = Bytes::copy_from_slice(&self.bytes);
            self.bytes.clear();
            copy
        } else {
            self.bytes.split().freeze()
        }
    }
}

impl Deref for Buffer {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.free_list(self.size).borrow_mut().give(bytes, self.size.kept(), self.size.bytes());
    }
}

#[cfg(test)]
mod tests;
