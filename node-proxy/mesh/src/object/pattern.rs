//! Policies' text patterns, matched without building the text.

use karez_api::identity::Identity;
use karez_api::security::StringMatch;
use karez_api::security::string_match::MatchType;

use crate::rejected::Reason;

/// A condition on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The whole text.
    Exact(Box<str>),
    /// Its beginning.
    Prefix(Box<str>),
    /// Its end.
    Suffix(Box<str>),
    /// Any text but the empty one.
    Present,
}

impl Pattern {
    pub(crate) fn read(field: &'static str, wire: StringMatch) -> Result<Self, Reason> {
        match wire.match_type {
            None => Err(Reason::Missing { field }),
            Some(MatchType::Exact(text)) => Ok(Self::Exact(text.into())),
            Some(MatchType::Prefix(text)) => Ok(Self::Prefix(text.into())),
            Some(MatchType::Suffix(text)) => Ok(Self::Suffix(text.into())),
            Some(MatchType::Presence(())) => Ok(Self::Present),
        }
    }

    /// Whether `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(whole) => **whole == *text,
            Self::Prefix(start) => text.starts_with(&**start),
            Self::Suffix(end) => text.ends_with(&**end),
            Self::Present => !text.is_empty(),
        }
    }

    /// Whether the identity's principal, `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`, matches.
    #[must_use]
    pub fn matches_principal(&self, identity: &Identity) -> bool {
        let parts =
            [identity.trust_domain(), "/ns/", identity.namespace(), "/sa/", identity.service_account()];
        let principal = parts.iter().flat_map(|part| part.bytes());
        match self {
            Self::Exact(whole) => principal.eq(whole.bytes()),
            Self::Prefix(start) => begins(principal, start.bytes()),
            Self::Suffix(end) => begins(principal.rev(), end.bytes().rev()),
            Self::Present => true,
        }
    }
}

fn begins(mut text: impl Iterator<Item = u8>, mut start: impl Iterator<Item = u8>) -> bool {
    start.all(|byte| text.next() == Some(byte))
}

#[cfg(test)]
mod tests;
