//! What h2 says of a stream or a connection that broke, without its types: another transport says it with others.

use std::fmt;

/// Why a stream was reset (RFC 9113 section 7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResetReason(h2::Reason);

impl ResetReason {
    /// The peer has sent all it had to send, and wants no more of ours (RFC 9113 section 8.1).
    pub const NO_ERROR: Self = Self(h2::Reason::NO_ERROR);
    /// The stream is not needed any more: Istio's peers take it for a TCP reset.
    pub const CANCEL: Self = Self(h2::Reason::CANCEL);
    /// The peer takes more than its share.
    pub const ENHANCE_YOUR_CALM: Self = Self(h2::Reason::ENHANCE_YOUR_CALM);

    pub(crate) fn of(reason: h2::Reason) -> Self {
        Self(reason)
    }

    pub(crate) fn into_h2(self) -> h2::Reason {
        self.0
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connection broke the rules of HTTP/2, or ended.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProtocolError(h2::Error);

impl ProtocolError {
    pub(crate) fn of(error: h2::Error) -> Self {
        Self(error)
    }

    /// The reason that either side gave with its GOAWAY or RST_STREAM.
    #[must_use]
    pub fn reason(&self) -> Option<ResetReason> {
        self.0.reason().map(ResetReason)
    }
}
