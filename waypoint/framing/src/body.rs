//! The body of a message: where it ends (RFC 9112 section 6.3).

mod chunked;

use crate::malformed::Reason;
use chunked::Chunked;

/// What is left of a body.
#[derive(Debug)]
pub(crate) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks, and trailers.
    Chunked(Chunked),
    /// All that comes before the connection ends.
    UntilClose,
}

impl Body {
    pub(crate) fn chunked() -> Self {
        Self::Chunked(Chunked::new())
    }

    /// How many of `bytes` belong to the body and may pass. An error means none of them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Reason> {
        match self {
            Self::Length(left) => Ok(take(left, bytes)),
            Self::Chunked(chunked) => chunked.advance(bytes),
            Self::UntilClose => Ok(bytes.len()),
        }
    }

    /// Whether it has ended.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Whether it is complete if the connection ends here.
    pub(crate) fn may_end(&self) -> bool {
        self.is_done() || matches!(self, Self::UntilClose)
    }
}

/// How many of `bytes` belong to the `left` ones.
fn take(left: &mut u64, bytes: &[u8]) -> usize {
    // More than usize can hold is more than there are.
    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    taken
}
