//! The head of a message: where it ends, its lines, and the fields that decide framing and routing.

mod connection;
mod end;
mod fields;
mod lines;
mod transfer_encoding;

pub(crate) use end::{EndScanner, Section};
pub(crate) use fields::Fields;
pub(crate) use lines::{for_each_line, is_token, resembles, split_first_line};

/// The versions of HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

impl Version {
    /// RFC 9112 section 2.3: in upper case.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"HTTP/1.1" => Some(Self::Http11),
            b"HTTP/1.0" => Some(Self::Http10),
            _ => None,
        }
    }
}
