//! The target of a CONNECT: its `:authority`.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;

/// The meaning of an `:authority` (RFC 9113 section 8.5: host and port).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address. An IPv4-mapped IPv6 address becomes the IPv4 address.
    Address(SocketAddr),
    /// A name in lower case, as gateways between networks receive.
    Name {
        /// Without a trailing dot.
        host: String,
        /// Not 0.
        port: u16,
    },
}

/// RFC 1035 section 2.3.4.
const LONGEST_NAME: usize = 253;

impl Target {
    /// None if there is user information, no port, port 0, or a host that is neither an address nor a DNS name.
    #[must_use]
    pub fn parse(authority: &Authority) -> Option<Self> {
        Self::parse_text(authority.as_str())
    }

    /// As [`Self::parse`], from text.
    #[must_use]
    pub fn parse_text(authority: &str) -> Option<Self> {
        let (host, port) = authority.rsplit_once(':')?;
        let port = decimal(port).filter(|port| *port > 0)?;
        let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) => Some(IpAddr::V6(inside.parse().ok()?)),
            None => host.parse().ok().map(IpAddr::V4),
        };
        match address {
            Some(ip) => Some(Self::Address(SocketAddr::new(ip.to_canonical(), port))),
            None => name(host).map(|host| Self::Name { host, port }),
        }
    }
}

/// `str::parse` would also accept a sign.
fn decimal(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn name(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // A last label of digits is a mistyped address, not a name (RFC 1123 section 2.1).
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    (host.len() <= LONGEST_NAME && !numeric && host.split('.').all(is_label))
        .then(|| host.to_ascii_lowercase())
}
