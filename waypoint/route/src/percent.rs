//! Percent-encoding (RFC 3986, section 2.1).

/// Splits the first octet off, decoded. `None` for empty text, and for `%` without two hexadecimal digits.
pub(crate) fn split_octet(text: &[u8]) -> Option<(Octet, &[u8])> {
    match text {
        [b'%', high, low, rest @ ..] => Some((Octet::Encoded(digit(*high)? << 4 | digit(*low)?), rest)),
        [b'%', ..] | [] => None,
        [octet, rest @ ..] => Some((Octet::Literal(*octet), rest)),
    }
}

/// An octet, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Octet {
    /// As itself.
    Literal(u8),
    /// As `%` and two digits.
    Encoded(u8),
}

/// Appends an octet as `%` and two digits in upper case.
pub(crate) fn push_encoded(text: &mut String, octet: u8) {
    text.push('%');
    for nibble in [octet >> 4, octet & 0xf] {
        let digit = char::from_digit(nibble.into(), 16).unwrap_or('0');
        text.push(digit.to_ascii_uppercase());
    }
}

/// Whether an octet means the same encoded and not (RFC 3986, section 2.3).
pub(crate) fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

fn digit(character: u8) -> Option<u8> {
    let digit = char::from(character).to_digit(16)?;
    u8::try_from(digit).ok()
}
