//! The request line (RFC 9112 section 3).

use crate::authority::Authority;
use crate::head::{Version, is_token};
use crate::malformed::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: Target<'a>,
    pub(super) version: Version,
}

/// The form of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// A path, with or without a query.
    Origin,
    /// A URI, as clients send it to a proxy.
    Absolute { authority: Authority<'a>, default_port: u16 },
    /// `*`, the server as a whole.
    Asterisk,
}

impl<'a> RequestLine<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, Reason> {
        if line == b"PRI * HTTP/2.0" {
            return Err(Reason::Http2Preface);
        }
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::RequestLine);
        };
        if !is_token(method) {
            return Err(Reason::RequestLine);
        }
        let version = Version::parse(version).ok_or_else(|| version_reason(version))?;
        if method == b"CONNECT" {
            return Err(Reason::InnerConnect);
        }
        let target = Target::parse(target, method).ok_or(Reason::Target)?;
        Ok(Self { method, target, version })
    }
}

fn version_reason(version: &[u8]) -> Reason {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Reason::UnknownVersion
        }
        _ => Reason::RequestLine,
    }
}

impl<'a> Target<'a> {
    fn parse(target: &'a [u8], method: &[u8]) -> Option<Self> {
        match target {
            // RFC 9112 section 3.2.4.
            b"*" => (method == b"OPTIONS").then_some(Self::Asterisk),
            [b'/', ..] => is_path_and_query(target).then_some(Self::Origin),
            _ => Self::parse_absolute(target),
        }
    }

    fn parse_absolute(target: &'a [u8]) -> Option<Self> {
        let (rest, default_port) = match strip_scheme(target, b"http://") {
            Some(rest) => (rest, 80),
            None => (strip_scheme(target, b"https://")?, 443),
        };
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let authority = Authority::parse(authority)?;
        is_path_and_query(path).then_some(Self::Absolute { authority, default_port })
    }
}

/// RFC 3986 section 3.1: a scheme has no case.
fn strip_scheme<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = target.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Visible ASCII without `"`, `<`, `>`, without a back quote in the path, and without a fragment, which hyper would
/// cut off silently.
///
/// RFC 3986 allows less, but clients send the rest unencoded, and it splits no message. What a percent sign means is
/// for the path's normalisation to judge.
fn is_path_and_query(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |byte| *byte == b'?');
    let path = parts.next().unwrap_or_default();
    let query = parts.next().unwrap_or_default();
    path.iter().chain(query).all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>'))
        && !path.contains(&b'`')
}

#[cfg(test)]
mod tests;
