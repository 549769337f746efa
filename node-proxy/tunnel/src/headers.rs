//! Headers of a CONNECT.
//!
//! All of it is a peer's claim: nothing here may decide an L4 policy. Values are bounded before parsing. A malformed
//! value counts as absent.

mod authority;
mod baggage;
mod forwarded;
mod traceparent;

use http::{HeaderMap, HeaderValue};

pub use authority::Target;
pub use baggage::{Baggage, WorkloadKind};
pub use forwarded::Forwarded;
pub use traceparent::TraceParent;

/// RFC 7239.
pub const FORWARDED: &str = "forwarded";
/// W3C Baggage.
pub const BAGGAGE: &str = "baggage";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// The headers of one CONNECT.
#[must_use]
pub fn render(forwarded: &Forwarded, baggage: &Baggage, trace: TraceParent) -> HeaderMap {
    let rendered = [
        (FORWARDED, forwarded.to_string()),
        (BAGGAGE, baggage.to_string()),
        (TRACEPARENT, trace.to_string()),
    ];
    let mut headers = HeaderMap::with_capacity(rendered.len());
    for (name, value) in rendered.into_iter().filter(|(_, value)| !value.is_empty()) {
        // All three render only printable ASCII.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The text of a header that occurs once, is printable ASCII and has at most `most` bytes.
fn text<'a>(headers: &'a HeaderMap, name: &str, most: usize) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|value| value.len() <= most)?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

#[cfg(test)]
mod tests;
