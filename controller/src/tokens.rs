//! Who may call the controller: bearer tokens from a file.
//!
//! Lines are `TOKEN node NODE_NAME`, `TOKEN agent NODE_NAME` or `TOKEN operator`; empty lines and those that begin with `#` are skipped. No message
//! ever holds a token: a wrong line is named by its number.

mod watch;

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use karez_process::names;

use crate::callers::Caller;

pub use watch::{TokensError, TokensWatch};

/// Bytes of a token.
const MAX_TOKEN: usize = 16 * 1024;

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadLine {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: BadToken,
}

/// What is wrong with a line of the tokens file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not one of the forms.
    #[error("expected TOKEN node NODE_NAME, TOKEN agent NODE_NAME or TOKEN operator")]
    Form,
    /// The name cannot be a node's.
    #[error("the node's name is not a DNS name of lower-case letters, digits, dashes and dots")]
    NodeName,
    /// More than a header should hold.
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// Not sendable as `authorization: Bearer TOKEN`.
    #[error("the token holds characters that a header cannot carry")]
    NotPrintable,
    /// One token for two callers.
    #[error("the token stands in line {first} already")]
    Repeated {
        /// Where it was first.
        first: usize,
    },
}

/// What a token is remembered by: neither memory dumps nor messages show the token itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    fn of(token: &str) -> Self {
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// The tokens of a file. Its text form names the callers, never a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    entries: Vec<(Digest, Caller)>,
}

/// A token that was presented, as far as it needs to be kept to know it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Presented(Digest);

/// The token of an `authorization` header's value: `Bearer TOKEN` (RFC 6750 §2.1).
#[must_use]
pub fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    let fits = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= MAX_TOKEN;
    fits.then_some(token)
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented")
    }
}

impl Presented {
    /// Of this token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Digest::of(token))
    }
}

impl Tokens {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that is wrong: nothing of such a file is used.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut tokens = Self::default();
        let mut lines = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let at = |problem| BadLine { line: number, problem };
            if let Some((token, caller)) = parse_line(line).map_err(at)? {
                let digest = Digest::of(token);
                if let Some(first) = lines.insert(digest, number) {
                    return Err(at(BadToken::Repeated { first }));
                }
                tokens.entries.push((digest, caller));
            }
        }
        Ok(tokens)
    }

    /// Who presented the token. Takes the same time whether and where a token matches.
    #[must_use]
    pub fn caller(&self, presented: &Presented) -> Option<&Caller> {
        let mut found = None;
        for (digest, caller) in &self.entries {
            if verify_slices_are_equal(&digest.0, &presented.0.0).is_ok() {
                found = Some(caller);
            }
        }
        found
    }

    /// Everyone who has a token.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.entries.iter().map(|(_, caller)| caller)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.callers()).finish()
    }
}

fn parse_line(line: &str) -> Result<Option<(&str, Caller)>, BadToken> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let node = |name| names::node(name).map_err(|_| BadToken::NodeName);
    let (token, caller) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(token), Some("operator"), None, None) => (token, Caller::Operator { user: None }),
        (Some(token), Some("node"), Some(name), None) => {
            (token, Caller::NodeProxy { node: node(name)?, pod: None })
        }
        (Some(token), Some("agent"), Some(name), None) => {
            (token, Caller::Agent { node: node(name)?, pod: None })
        }
        _ => return Err(BadToken::Form),
    };
    match token {
        _ if token.len() > MAX_TOKEN => Err(BadToken::TooLong),
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => Err(BadToken::NotPrintable),
        _ => Ok(Some((token, caller))),
    }
}

#[cfg(test)]
mod tests;
