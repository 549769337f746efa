//! A host with an optional port: `Host`, and the authority of a target (RFC 9110 section 7.2).

use std::net::Ipv6Addr;

/// An authority without user information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` unless the host is a name of letters, digits, `-`, `.`, `_` and `~`, or an address.
    ///
    /// RFC 3986 allows more in names: percent-encoding and delimiters, which two readers may see differently. No
    /// service has such a name.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        // The colons of an IPv6 address stand within brackets.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(decimal(port)?)),
            _ => (text, None),
        };
        let is_valid = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        is_valid.then_some(Self { host, port })
    }

    /// Whether both mean the same origin, where `default_port` goes without saying.
    pub(crate) fn is_same(&self, other: &Self, default_port: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

fn is_name(host: &str) -> bool {
    let special = b"-._~";
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
}

/// `str::parse` would also accept a sign.
fn decimal(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
