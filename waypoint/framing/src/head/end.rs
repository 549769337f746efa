//! Finds the empty line at the end of a head or a trailer section.

use crate::malformed::Reason;
use crate::{MAX_HEAD, MAX_TRAILERS};

/// What ends with the empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    RequestHead,
    ResponseHead,
    Trailers,
}

/// Remembers how far it has looked, so that a head in many reads costs no more than in one.
#[derive(Debug)]
pub(crate) struct EndScanner {
    section: Section,
    /// Bytes before it are known to hold no end.
    scanned: usize,
    /// Where the section's first line begins: behind an empty line before a request.
    start: usize,
    /// Where the last line begins.
    line: usize,
}

/// Where a section stands in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first byte of its first line.
    pub(crate) start: usize,
    /// Behind its empty line.
    pub(crate) end: usize,
}

impl EndScanner {
    pub(crate) fn new(section: Section) -> Self {
        Self { section, scanned: 0, start: 0, line: 0 }
    }

    /// Whether a byte of the section has been seen. The empty line before a request is none.
    pub(crate) fn has_begun(&self) -> bool {
        self.scanned > self.start
    }

    /// `bytes` begin where the section does. `None` as long as its end is not among them.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<Extent>, Reason> {
        let (limit, too_large) = match self.section {
            Section::RequestHead | Section::ResponseHead => (MAX_HEAD, Reason::HeadTooLarge),
            Section::Trailers => (MAX_TRAILERS, Reason::TrailersTooLarge),
        };
        let within = bytes.get(..limit).unwrap_or(bytes);
        while let Some(lf) = next_lf(within, self.scanned) {
            let line = within.get(self.line..lf).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(Reason::BareLf);
            };
            let next = lf + 1;
            if line.is_empty() {
                // RFC 9112 section 2.2: one empty line before a request is ignored, as old clients send one too many.
                if self.section != Section::RequestHead || self.line > 0 {
                    return Ok(Some(Extent { start: self.start, end: next }));
                }
                self.start = next;
            }
            self.scanned = next;
            self.line = next;
        }
        if within.len() == limit {
            return Err(too_large);
        }
        self.scanned = within.len();
        Ok(None)
    }
}

fn next_lf(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| *byte == b'\n')?;
    Some(from + found)
}

#[cfg(test)]
mod tests;
