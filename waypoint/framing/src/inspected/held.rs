//! Bytes that have been read and may not pass yet, or found no room.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

/// At most a head or a trailer section, and one read.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: BytesMut,
    /// The first so many may pass.
    passed: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn has_passed(&self) -> bool {
        self.passed > 0
    }

    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// For a read behind what is held.
    pub(super) fn reserve(&mut self, more: usize) -> &mut BytesMut {
        self.bytes.reserve(more);
        &mut self.bytes
    }

    /// Lets `judge` say how many bytes may pass. None of them has been found to so far.
    pub(super) fn pass(&mut self, judge: impl FnOnce(&[u8]) -> usize) {
        if !self.bytes.is_empty() {
            self.passed = judge(&self.bytes);
        }
    }

    /// Gives the reader what may pass. False if there is nothing.
    pub(super) fn serve(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let served = self.passed.min(buf.remaining());
        buf.put_slice(self.bytes.get(..served).unwrap_or_default());
        self.bytes.advance(served);
        self.passed -= served;
        if self.bytes.is_empty() {
            // An idle connection holds no memory.
            self.bytes = BytesMut::new();
        }
        served > 0
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}
