//! Origins, and patterns of them.

use std::str::FromStr;

use crate::filter::Scheme;

/// A pattern of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginPattern {
    /// `*`: all origins, opaque ones (`null`) too.
    Any,
    /// `SCHEME://HOST` or `SCHEME://HOST:PORT`.
    Origin {
        /// The scheme.
        scheme: Scheme,
        /// The host.
        host: HostPattern,
        /// The port. The scheme's own if the pattern names none.
        port: u16,
    },
}

/// A pattern of hosts, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// `*`: all hosts.
    Any,
    /// One host.
    Exact(Box<str>),
    /// `*.example.com`: all hosts below it, at any depth. Held with its first dot.
    Below(Box<str>),
}

/// A text that is no pattern of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither '*' nor of the form https://HOST or https://HOST:PORT, where HOST may begin with '*.'"
)]
pub struct InvalidOrigin(Box<str>);

impl OriginPattern {
    /// Whether the value of a request's `Origin` matches.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Origin { scheme, host, port } => split(origin)
                .is_some_and(|found| found.0 == *scheme && found.2 == *port && host.matches(found.1)),
        }
    }
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Exact(whole) => **whole == *host,
            Self::Below(end) => host.len() > end.len() && host.ends_with(&**end),
        }
    }

    /// Labels of letters, digits and hyphens; the first may be `*`.
    fn read(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let is_label_character = |character: char| character.is_ascii_alphanumeric() || character == '-';
            name.split('.').all(|label| !label.is_empty() && label.chars().all(is_label_character))
        };
        let lower = |name: &str| name.to_ascii_lowercase().into();
        match text.strip_prefix('*') {
            Some("") => Some(Self::Any),
            Some(end) => end.strip_prefix('.').filter(|name| is_name(name)).map(|_| Self::Below(lower(end))),
            None => Some(text).filter(|name| is_name(name)).map(|_| Self::Exact(lower(text))),
        }
    }
}

impl FromStr for OriginPattern {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let pattern = split(text).and_then(|(scheme, host, port)| {
            let host = HostPattern::read(host)?;
            Some(Self::Origin { scheme, host, port })
        });
        pattern.ok_or_else(|| InvalidOrigin(text.into()))
    }
}

/// Scheme, host and port.
fn split(origin: &str) -> Option<(Scheme, &str, u16)> {
    let (scheme, authority) = match origin.split_once("://")? {
        ("http", authority) => (Scheme::Http, authority),
        ("https", authority) => (Scheme::Https, authority),
        _ => return None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon is within an IPv6 address.
        Some((_, last)) if last.ends_with(']') => (authority, scheme.default_port()),
        Some((host, port)) => (host, read_port(port)?),
        None => (authority, scheme.default_port()),
    };
    Some((scheme, host, port)).filter(|_| !host.is_empty())
}

fn read_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

#[cfg(test)]
mod tests;
