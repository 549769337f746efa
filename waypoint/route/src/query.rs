//! Parameters of a query (`application/x-www-form-urlencoded`).

use std::borrow::Cow;
use std::collections::HashMap;

use crate::percent::{self, Octet};

/// The decoded parameters of a query: of several with one name the first.
#[derive(Debug, Default)]
pub(crate) struct QueryParams<'a>(HashMap<Cow<'a, [u8]>, Cow<'a, [u8]>>);

impl<'a> QueryParams<'a> {
    /// Reads a query. A parameter without `=` has an empty value.
    pub(crate) fn read(query: &'a str) -> Self {
        let mut params = HashMap::new();
        for param in query.split('&') {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            params.entry(decoded(name)).or_insert_with(|| decoded(value));
        }
        Self(params)
    }

    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name.as_bytes()).map(|value| &**value)
    }
}

/// The decoded octets. A `%` without two digits stands for itself.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after_first)) = rest.split_first() {
        let (octet, after) = percent::split_octet(rest).unwrap_or((Octet::Literal(*first), after_first));
        octets.push(match octet {
            Octet::Literal(b'+') => b' ',
            Octet::Literal(octet) | Octet::Encoded(octet) => octet,
        });
        rest = after;
    }
    Cow::Owned(octets)
}

#[cfg(test)]
mod tests;
