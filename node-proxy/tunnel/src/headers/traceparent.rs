//! `traceparent`: the connection's place in a trace (W3C Trace Context).

use std::fmt;

use http::HeaderMap;

use super::{TRACEPARENT, text};

/// Version 00 of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// Version, trace, span and flags with their dashes; later versions may be longer.
const LENGTH: usize = 55;
const LONGEST: usize = 256;

impl TraceParent {
    /// Starts a trace that is not sampled. The caller draws random ids; all zeros are no id (section 3.2.2.3).
    #[must_use]
    pub fn new(trace: u128, span: u64) -> Self {
        Self { trace: trace.max(1), span: span.max(1), flags: 0 }
    }

    /// The same trace, with another span as the parent.
    #[must_use]
    pub fn child(self, span: u64) -> Self {
        Self { span: span.max(1), ..self }
    }

    /// The trace's id.
    #[must_use]
    pub fn trace(self) -> u128 {
        self.trace
    }

    /// The parent's id.
    #[must_use]
    pub fn span(self) -> u64 {
        self.span
    }

    /// Whether the caller records this trace.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    /// Reads a request's header; None if it is absent or malformed.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::parse(text(headers, TRACEPARENT, LONGEST)?)
    }

    /// Parses the header's value, of this version or a later one (section 4.3).
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (first, later) = value.split_at_checked(LENGTH)?;
        let mut fields = first.split('-');
        let version = digits(fields.next()?, 2)?;
        let trace = digits(fields.next()?, 32)?;
        let span = u64::try_from(digits(fields.next()?, 16)?).ok()?;
        let flags = u8::try_from(digits(fields.next()?, 2)?).ok()?;
        let whole = match version {
            0 => later.is_empty(),
            0xff => false,
            _ => later.is_empty() || later.starts_with('-'),
        };
        (whole && fields.next().is_none() && trace != 0 && span != 0).then_some(Self {
            trace,
            span,
            flags: flags & 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Parses exactly `count` hexadecimal digits in lower case.
fn digits(text: &str, count: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == count && text.bytes().all(lower)).then(|| u128::from_str_radix(text, 16).ok())?
}
