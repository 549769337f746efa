//! The forms that Kubernetes gives to names.

/// Longest label of a DNS name (RFC 1035 section 2.3.4).
const LONGEST_LABEL: usize = 63;
/// Longest DNS name, and so the longest name of an object.
const LONGEST_NAME: usize = 253;

/// An RFC 1123 label, such as the name of a Namespace or a Service.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_part(text)
}

/// An RFC 1123 subdomain, such as the name of a Pod or a node. Kubernetes does not bound its parts.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.first().is_some_and(|b| *b != b'-')
        && bytes.last().is_some_and(|b| *b != b'-')
}

#[cfg(test)]
mod tests;
