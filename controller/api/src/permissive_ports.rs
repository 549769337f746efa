//! The annotation `karez.dev/permissive-ports`: ports on which strict mode admits peers without an identity.

use std::collections::BTreeSet;
use std::fmt;

/// Most ports of one annotation: every node proxy is told of them.
pub const MOST_PORTS: usize = 32;

/// What an annotation says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissivePorts<'a> {
    /// Its ports.
    pub ports: BTreeSet<u16>,
    /// Parts of it that open nothing.
    pub rejected: Vec<Rejected<'a>>,
}

/// A part of an annotation that opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected<'a> {
    /// It is not a port.
    Word(&'a str),
    /// There are too many before it.
    Excess(u16),
}

impl<'a> PermissivePorts<'a> {
    /// Reads TCP ports, separated by commas. No text is no port.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let mut read = Self::default();
        let words = text.split(',').map(str::trim);
        for word in words.filter(|_| !text.trim().is_empty()) {
            match port(word) {
                None => read.rejected.push(Rejected::Word(word)),
                Some(port) if read.ports.len() < MOST_PORTS || read.ports.contains(&port) => {
                    read.ports.insert(port);
                }
                Some(port) => read.rejected.push(Rejected::Excess(port)),
            }
        }
        read
    }
}

/// Digits alone: Rust takes `+80` for a number as well.
fn port(word: &str) -> Option<u16> {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|port| is_number && *port > 0)
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word:?} is not a port: 1 to 65535, separated by commas"),
            Self::Excess(port) => write!(f, "{port} is one too many: {MOST_PORTS} ports at most"),
        }
    }
}

#[cfg(test)]
mod tests;
