//! Values of header fields (RFC 9110, section 5.3).

use std::borrow::Cow;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};

/// The value of a field, its lines joined into one.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
    let first = lines.next()?;
    let joined = lines.fold(Cow::Borrowed(first), |joined, line| joined_with(joined, name, line));
    Some(joined)
}

/// Appends a line to the value of a field.
pub(crate) fn joined_with<'a>(value: Cow<'a, [u8]>, name: &HeaderName, line: &[u8]) -> Cow<'a, [u8]> {
    // Crumbs of a cookie have a separator of their own (RFC 9113, section 8.2.3).
    let separator: &[u8] = if name == COOKIE { b"; " } else { b"," };
    let mut joined = value.into_owned();
    joined.extend_from_slice(separator);
    joined.extend_from_slice(line);
    Cow::Owned(joined)
}
