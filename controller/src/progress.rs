//! How far a client is with one type of resources: [`xds`](crate::xds) finds it out, [`nodes`](crate::nodes) remembers it. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::Version;

/// Characters of a client's complaint that are read and kept: Karez's node proxy writes fewer.
pub(crate) const MAX_DETAIL: usize = 5000;
/// Punctuation that no name begins or ends with. A policy's name may stand in parentheses.
const AROUND_NAMES: [char; 6] = [':', ';', ',', '"', '\'', '`'];

/// How far the client is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Version of the view that the client has acknowledged whole.
    pub acknowledged: Option<Version>,
    /// What the client refused, until it has taken another version of it.
    pub rejected: Option<Arc<Rejection>>,
}

/// A response that a client refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// In the client's words.
    pub detail: String,
    /// The resources that it concerns.
    pub names: BTreeSet<Arc<str>>,
}

impl Rejection {
    /// A NACK says in words which resources it means. Those that it names are remembered, or all when it names none.
    pub(crate) fn of(detail: &str, sent: BTreeSet<Arc<str>>) -> Self {
        let detail: String = detail.chars().take(MAX_DETAIL).collect();
        let words = detail.split_whitespace().map(|word| word.trim_matches(AROUND_NAMES));
        let named: BTreeSet<_> = words.filter_map(|word| sent.get(word)).cloned().collect();
        let names = if named.is_empty() { sent } else { named };
        Self { detail, names }
    }

    /// What is left of it; nothing when it concerned only `names`.
    pub(crate) fn without(&self, names: &BTreeSet<Arc<str>>) -> Option<Self> {
        let left: BTreeSet<_> = self.names.difference(names).cloned().collect();
        (!left.is_empty()).then(|| Self { detail: self.detail.clone(), names: left })
    }

    /// This one and an older one.
    pub(crate) fn beside(self, older: Self) -> Self {
        let detail = format!("{}; {}", self.detail, older.detail).chars().take(MAX_DETAIL).collect();
        Self { detail, names: self.names.into_iter().chain(older.names).collect() }
    }
}
