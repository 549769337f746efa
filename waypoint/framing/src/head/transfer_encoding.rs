//! `Transfer-Encoding`: `chunked`, and nothing else (RFC 9112 section 6.1).

use super::is_token;
use crate::malformed::Reason;

/// Judges the value of the only line.
pub(super) fn judge(value: &[u8]) -> Result<(), Reason> {
    if is_chunked(value) {
        return Ok(());
    }
    let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_last = codings.next_back().is_some_and(is_chunked);
    // Another coding is a feature that is missing, anything else an attempt to hide `chunked` from one of two readers.
    let is_understood = is_last && codings.all(|coding| is_token(coding) && !is_chunked(coding));
    Err(if is_understood { Reason::TransferCoding } else { Reason::TransferEncoding })
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}
