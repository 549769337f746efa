//! The types of resource that a stream subscribes to: its caller's choice.

use std::fmt::Debug;
use std::hash::Hash;

use crate::discovery::served::ServedTypes;

/// The types that one caller subscribes to.
pub trait ResourceKind: Copy + Debug + Eq + Hash + Send + Sync + 'static {
    /// Types that the stream begins with: every control plane of the caller's serves them.
    const FIRST: &'static [Self];
    /// Types that are asked for once the stream's headers have promised them.
    const PROMISED: &'static [Self];

    /// Its name on the wire.
    fn type_url(self) -> &'static str;

    /// The type of that name; `None` when it was never asked for.
    fn of(type_url: &str) -> Option<Self> {
        Self::served(ServedTypes::All).find(|kind| kind.type_url() == type_url)
    }

    /// The types that the stream is to answer for.
    fn served(types: ServedTypes) -> impl Iterator<Item = Self> {
        Self::FIRST.iter().chain(Self::promised(types)).copied()
    }

    /// Those of them that it does not begin with.
    fn promised(types: ServedTypes) -> &'static [Self] {
        match types {
            ServedTypes::Istio => &[],
            ServedTypes::All => Self::PROMISED,
        }
    }
}

#[cfg(test)]
mod tests;
