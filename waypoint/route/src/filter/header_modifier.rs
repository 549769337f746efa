//! Changes of headers.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::field;

/// Changes of the headers of a request or an answer.
///
/// Of several changes of one header the first counts, in the order of the fields. Headers that belong to the connection or
/// to the framing of the message are never changed, nor is `Host`, which a host name's rewrite changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderModifier {
    /// Replaces all values.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Appends a value to those that are there.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Takes all values away.
    pub remove: Vec<HeaderName>,
}

impl HeaderModifier {
    /// Changes the headers.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let mut changed: Vec<&HeaderName> = Vec::new();
        let mut is_next = |name| {
            let is_next = is_modifiable(name) && !changed.contains(&name);
            changed.push(name);
            is_next
        };
        for (name, value) in self.set.iter().filter(|(name, _)| is_next(name)) {
            // It fails on a map of 32,768 headers, which no request has.
            let _full = headers.try_insert(name, value.clone());
        }
        for (name, value) in self.add.iter().filter(|(name, _)| is_next(name)) {
            add(headers, name, value);
        }
        for name in self.remove.iter().filter(|name| is_next(name)) {
            headers.remove(name);
        }
    }

    /// The headers that it names in vain.
    pub fn ignored(&self) -> impl Iterator<Item = &HeaderName> {
        let named = self.set.iter().chain(&self.add).map(|(name, _)| name).chain(&self.remove);
        named.filter(|name| !is_modifiable(name))
    }
}

/// Appends to the line that is there. Cookies of an answer are no list: each has a line of its own.
fn add(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    let before = field::value(headers, name).filter(|_| name != SET_COOKIE);
    let joined = before.map(|before| field::joined_with(before, name, value.as_bytes()));
    let _full = match joined.and_then(|joined| HeaderValue::from_bytes(&joined).ok()) {
        Some(joined) => headers.try_insert(name, joined).map(drop),
        None => headers.try_append(name, value.clone()).map(drop),
    };
}

fn is_modifiable(name: &HeaderName) -> bool {
    const FIXED: [HeaderName; 7] =
        [CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    !FIXED.contains(name) && !matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests;
