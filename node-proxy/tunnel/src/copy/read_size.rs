//! Chooses the size of the next read from the last ones.

use crate::buffers::Size;

/// Starts small. A full buffer makes it grow, a nearly empty one shrink.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadSize(Size);

impl ReadSize {
    pub(super) fn new() -> Self {
        Self(Size::Small)
    }

    pub(super) fn size(self) -> Size {
        self.0
    }

    /// Records a read that brought `read` of at most `limit` bytes.
    pub(super) fn record(&mut self, read: usize, limit: usize) {
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
        let mut read_size = ReadSize::new();
        for expected in [Size::Medium, Size::Large, Size::Large] {
            let full = read_size.size().bytes();
            read_size.record(full, full);
            assert_eq!(read_size.size(), expected);
        }
        let limit = Size::Large.bytes();
        read_size.record(100 * 1024, limit);
        assert_eq!(read_size.size(), Size::Large, "most of a buffer is used");
        read_size.record(8 * 1024, 8 * 1024);
        assert_eq!(read_size.size(), Size::Large, "the window was short, not the socket");
        for expected in [Size::Medium, Size::Small, Size::Small] {
            read_size.record(128, limit);
            assert_eq!(read_size.size(), expected);
        }
    }
}
