//! What a client gets whose request head is refused.

use bytes::Bytes;

use super::{Malformed, Reason};

/// SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 sections 6.5, 6.8 and 7): a client of HTTP/2 understands no
/// other answer.
const HTTP_1_1_REQUIRED: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d";

impl Malformed {
    /// A whole answer, which ends the connection. It names the reason, and no byte of the request.
    #[must_use]
    pub fn answer(&self) -> Bytes {
        if self.reason == Reason::Http2Preface {
            return Bytes::from_static(HTTP_1_1_REQUIRED);
        }
        let text = format!("{self}\n");
        let (status, length) = (self.status(), text.len());
        Bytes::from(format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{text}"
        ))
    }
}

#[cfg(test)]
mod tests;
