//! The field lines of a head or a trailer section.

use http::HeaderName;
use httparse::{EMPTY_HEADER, Header, Status};

use crate::MAX_HEADERS;
use crate::malformed::Reason;

/// Enough for nearly every head. Clearing more costs time.
const FEW: usize = 32;

/// Calls `judge` with each line of `section`, which ends with its empty line.
///
/// The tokeniser is hyper's own, so that both read the same lines.
pub(crate) fn for_each_line<'a>(
    section: &'a [u8],
    judge: impl FnMut(&Header<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut few = [EMPTY_HEADER; FEW];
    match httparse::parse_headers(section, &mut few) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = [EMPTY_HEADER; MAX_HEADERS];
            judge_parsed(section, httparse::parse_headers(section, &mut many), judge)
        }
        parsed => judge_parsed(section, parsed, judge),
    }
}

fn judge_parsed<'a>(
    section: &[u8],
    parsed: httparse::Result<(usize, &[Header<'a>])>,
    judge: impl FnMut(&Header<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    match parsed {
        Ok(Status::Complete((length, headers))) if length == section.len() => {
            headers.iter().try_for_each(judge)
        }
        Err(httparse::Error::TooManyHeaders) => Err(Reason::TooManyHeaders),
        _ => Err(reason(section)),
    }
}

/// Why the tokeniser refused the section.
fn reason(section: &[u8]) -> Reason {
    let mut lines = section.split(|byte| *byte == b'\n');
    lines.find_map(|line| line_reason(line.strip_suffix(b"\r")?)).unwrap_or(Reason::HeaderName)
}

fn line_reason(line: &[u8]) -> Option<Reason> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Some(Reason::Fold);
    }
    if line.contains(&b'\r') {
        return Some(Reason::BareCr);
    }
    if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Some(Reason::ControlByte);
    }
    let mut parts = line.split(|byte| *byte == b':');
    let (name, has_colon) = (parts.next().unwrap_or_default(), parts.next().is_some());
    match name.trim_ascii_end() {
        // The empty line at the end.
        [] if line.is_empty() => None,
        trimmed if has_colon && is_token(name) && trimmed == name => None,
        trimmed if has_colon && is_token(trimmed) => Some(Reason::SpaceBeforeColon),
        _ => Some(Reason::HeaderName),
    }
}

/// Splits a head into its start line and the field lines.
pub(crate) fn split_first_line(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let lf = head.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = head.split_at_checked(lf + 1)?;
    Some((line.strip_suffix(b"\r\n")?, rest))
}

/// Whether `name` is `known` to a server that makes no difference between `_` and `-`.
pub(crate) fn resembles(name: &str, known: &HeaderName) -> bool {
    let dashed = name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
    dashed.eq(known.as_str().bytes())
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || special.contains(byte))
}

#[cfg(test)]
mod tests;
