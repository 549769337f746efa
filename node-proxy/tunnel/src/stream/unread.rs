//! Bytes in the order they came, in the pieces they came in.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// A smaller piece is copied when it has to wait: it may keep a block alive that is many times its size.
const SMALL: usize = 8 * 1024;
/// The most that small pieces are joined to.
const BLOCK: usize = 16 * 1024;

/// A queue of pieces. Those before `compacted` have been looked at by [`Unread::compact`].
#[derive(Debug, Default)]
pub(super) struct Unread {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    compacted: usize,
}

impl Unread {
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        self.compacted = self.compacted.saturating_sub(1);
        Some(piece)
    }

    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled =
            self.pieces.iter().zip(slices.iter_mut()).map(|(piece, slice)| *slice = IoSlice::new(piece));
        filled.count()
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        let mut left = bytes.min(self.bytes);
        self.bytes -= left;
        while left > 0
            && let Some(first) = self.pieces.front_mut()
        {
            if first.len() > left {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.pieces.pop_front();
            self.compacted = self.compacted.saturating_sub(1);
        }
    }

    /// Copies runs of small pieces together, so that what waits takes about as much memory as it has bytes.
    pub(super) fn compact(&mut self) {
        if self.compacted == self.pieces.len() {
            return;
        }
        // The last piece that was looked at may be small still: it goes into the first run.
        let fresh = self.pieces.split_off(self.compacted.saturating_sub(1));
        let mut run = Run::default();
        for piece in fresh {
            let joins = piece.len() < SMALL;
            if !joins || run.bytes + piece.len() > BLOCK {
                self.pieces.extend(run.take());
            }
            if joins {
                run.push(piece);
            } else {
                self.pieces.push_back(piece);
            }
        }
        self.pieces.extend(run.take());
        self.compacted = self.pieces.len();
    }
}

/// Small pieces in a row.
#[derive(Default)]
struct Run {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Run {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push(piece);
    }

    /// All of them in one piece of its own.
    fn take(&mut self) -> Option<Bytes> {
        let mut block = BytesMut::with_capacity(std::mem::take(&mut self.bytes));
        for piece in self.pieces.drain(..) {
            block.extend_from_slice(&piece);
        }
        (!block.is_empty()).then(|| block.freeze())
    }
}

#[cfg(test)]
mod tests;
