//! Copies of requests.

use crate::backend::BackendTarget;
use crate::chance;

/// Sends copies of requests to another backend, and ignores its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMirror {
    /// Where the copies go. To an invalid backend goes none.
    pub target: BackendTarget,
    /// How many requests are copied.
    pub share: Share,
}

/// A share of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// So many.
    pub numerator: u32,
    /// Of so many.
    pub denominator: u32,
}

impl Share {
    /// All of them.
    pub const ALL: Self = Self { numerator: 1, denominator: 1 };

    /// A percentage.
    #[must_use]
    pub fn percent(percent: u32) -> Self {
        Self { numerator: percent, denominator: 100 }
    }

    /// Whether a request belongs to the share. `random` is uniform over all of `u64`.
    #[must_use]
    pub fn holds(self, random: u64) -> bool {
        chance::below(random, self.denominator.into()) < self.numerator.into()
    }
}

#[cfg(test)]
mod tests;
