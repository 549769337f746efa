//! The status line (RFC 9112 section 4).

use crate::head::{Version, split_first_line};
use crate::malformed::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: u16,
}

impl StatusLine {
    /// Splits a head into its status line and the rest.
    pub(super) fn split(head: &[u8]) -> Result<(Self, &[u8]), Reason> {
        let (line, lines) = split_first_line(head).ok_or(Reason::StatusLine)?;
        Ok((Self::parse(line).ok_or(Reason::StatusLine)?, lines))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let (version, rest) = line.split_at_checked("HTTP/1.1".len())?;
        let (status, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
        // The space behind the status is left out by some servers if no reason follows. That is not ambiguous.
        let is_reason = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !(reason.is_empty() || reason.starts_with(b" ")) || !reason.iter().all(is_reason) {
            return None;
        }
        Some(Self { version: Version::parse(version)?, status: decimal(status)? })
    }
}

/// 100 to 999, as `http` knows them. What is above 599 counts as 5xx (RFC 9110 section 15).
fn decimal(text: &[u8]) -> Option<u16> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status: u16 = str::from_utf8(text).ok()?.parse().ok()?;
    (status >= 100).then_some(status)
}

#[cfg(test)]
mod tests;
