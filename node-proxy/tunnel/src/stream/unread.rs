//! A queue of received bytes, in pieces as they came.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

/// A waiting piece below this size is copied: it may keep a far larger block alive.
const SMALL: usize = 8 * 1024;
/// Most bytes of joined small pieces.
const BLOCK: usize = 16 * 1024;

/// A queue of pieces. [`Unread::compact`] has seen those before `compacted`.
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

    /// Takes the first piece, or its first `most` bytes. Empty if there is none.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        match self.pieces.front_mut() {
            Some(first) if first.len() > most => {
                self.bytes -= most;
                first.split_to(most)
            }
            _ => self.pop().unwrap_or_default(),
        }
    }

    /// Copies bytes, as many as there is room for, and returns how many.
    pub(super) fn copy_to(&self, buf: &mut ReadBuf<'_>) -> usize {
        let before = buf.filled().len();
        for piece in &self.pieces {
            let fits = piece.len().min(buf.remaining());
            buf.put_slice(piece.get(..fits).unwrap_or_default());
        }
        buf.filled().len() - before
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

    /// Joins runs of small pieces, so that waiting bytes take about as much memory as they count.
    pub(super) fn compact(&mut self) {
        if self.compacted == self.pieces.len() {
            return;
        }
        // The last compacted piece may still be small, so it joins the first run.
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

    /// All of them, copied into one piece.
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
