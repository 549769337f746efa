//! `forwarded`: the client's address and the host it asked for (RFC 7239).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use super::{FORWARDED, text};

/// The first element of the header: the client as the first proxy saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// `for`: the client's address and port; port 0 if absent.
    pub client: Option<SocketAddr>,
    /// `host`: the service's name, if the client addressed one.
    pub host: Option<String>,
}

const LONGEST: usize = 1024;

impl Forwarded {
    /// Reads a request's header; None if it is absent or malformed.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::parse(text(headers, FORWARDED, LONGEST)?)
    }

    /// Parses the header's value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut forwarded = Self::default();
        let mut rest = value.trim_matches([' ', '\t']);
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = read_value(after)?;
            forwarded.set(name.trim_matches([' ', '\t']), value)?;
            let after = after.trim_start_matches([' ', '\t']);
            match after.strip_prefix(';') {
                Some(next) => rest = next.trim_start_matches([' ', '\t']),
                // Later elements belong to other proxies.
                None if after.is_empty() || after.starts_with(',') => break,
                None => return None,
            }
        }
        Some(forwarded)
    }

    fn set(&mut self, name: &str, value: String) -> Option<()> {
        if name.eq_ignore_ascii_case("for") {
            // Unknown and obfuscated identifiers (RFC 7239 section 6) carry no address.
            self.client = node(&value);
        } else if name.eq_ignore_ascii_case("host") {
            self.host = Some(value);
        } else if !is_token(name) {
            return None;
        }
        Some(())
    }
}

impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(client) = self.client {
            write!(f, "for=\"{client}\"")?;
        }
        if let Some(host) = &self.host {
            let separator = if self.client.is_some() { ";" } else { "" };
            if is_token(host) {
                write!(f, "{separator}host={host}")?;
            } else {
                write!(f, "{separator}host=\"{}\"", Escaped(host))?;
            }
        }
        Ok(())
    }
}

/// The inside of a quoted string (RFC 9110 section 5.6.4), without characters outside ASCII.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for printable in self.0.chars().filter(|char| matches!(char, ' '..='~')) {
            if matches!(printable, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(printable)?;
        }
        Ok(())
    }
}

/// Splits a token or quoted string off the start of `text`.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        return is_token(token).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// RFC 9110 section 5.6.2, plus the colon that Istio leaves unquoted in a host with a port.
fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~:";
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
}

/// RFC 7239 section 6: an address, with or without a port.
fn node(text: &str) -> Option<SocketAddr> {
    let bare = |text: &str| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']').and_then(bare);
    let address: SocketAddr = text.parse().ok().or_else(|| bare(text)).or_else(bracketed)?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}
