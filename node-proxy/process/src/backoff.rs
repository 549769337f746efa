//! How long to wait before the next attempt: a pure function of the attempt and a random number.

use std::time::Duration;

/// Doubling delays between a first and a greatest one. Each is spread to either side, so that many who failed together
/// do not return together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    spread: f64,
}

impl Backoff {
    /// Delays from `first` to `most`, spread by a fifth.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, spread: 0.2 }
    }

    /// The delay after the failed attempt number `attempt` (0 is the first), never more than `most`.
    ///
    /// `random` is any evenly drawn number.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let doubled = 2_u32.checked_pow(attempt).and_then(|factor| self.first.checked_mul(factor));
        let middle = doubled.unwrap_or(self.most).min(self.most);
        // 32 bits of randomness are plenty, and exact in an f64.
        let unit = f64::from((random >> 32) as u32) / f64::from(u32::MAX);
        middle.mul_f64(1.0 - self.spread + 2.0 * self.spread * unit).min(self.most)
    }
}

#[cfg(test)]
mod tests;
