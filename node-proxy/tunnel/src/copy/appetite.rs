//! Chooses the size of the next read from the last reads.

use crate::buffers::Size;

/// Begins small; a full buffer makes it grow, a nearly empty one shrink.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appetite(Size);

impl Appetite {
    pub(super) fn new() -> Self {
        Self(Size::Small)
    }

    pub(super) fn size(self) -> Size {
        self.0
    }

    /// A read brought `read` bytes of at most `limit`.
    pub(super) fn after(&mut self, read: usize, limit: usize) {
        if read >= self.0.bytes() {
            self.0 = self.0.larger();
        } else if read < limit && read <= self.0.smaller().bytes() / 2 {
            self.0 = self.0.smaller();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_on_full_reads_and_shrinks_on_small_ones() {
        let mut appetite = Appetite::new();
        for expected in [Size::Medium, Size::Large, Size::Large] {
            let full = appetite.size().bytes();
            appetite.after(full, full);
            assert_eq!(appetite.size(), expected);
        }
        let limit = Size::Large.bytes();
        appetite.after(100 * 1024, limit);
        assert_eq!(appetite.size(), Size::Large, "most of a buffer is used");
        appetite.after(8 * 1024, 8 * 1024);
        assert_eq!(appetite.size(), Size::Large, "the window was short, not the socket");
        for expected in [Size::Medium, Size::Small, Size::Small] {
            appetite.after(128, limit);
            assert_eq!(appetite.size(), expected);
        }
    }
}
