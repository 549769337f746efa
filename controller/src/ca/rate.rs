//! How many certificates a node may ask for. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A bucket of requests for each node: so many at once, and one more every so often.
#[derive(Debug)]
pub(super) struct Rate {
    burst: u32,
    interval: Duration,
    // The theoretical arrival time of each node's next request, as the generic cell rate algorithm has it.
    arrivals: HashMap<String, Instant>,
}

impl Rate {
    /// `burst` at once, and one more every `interval`.
    #[must_use]
    pub(super) fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, arrivals: HashMap::new() }
    }

    /// Takes one request of `node` if it may have it; else says how long it has to wait.
    pub(super) fn take(&mut self, node: &str, now: Instant) -> Result<(), Duration> {
        let arrival = self.arrivals.get(node).copied().filter(|arrival| *arrival > now).unwrap_or(now);
        let ahead = arrival.duration_since(now) + self.interval;
        let most = self.interval * self.burst;
        if ahead > most {
            return Err(ahead - most);
        }
        self.arrivals.insert(node.to_owned(), arrival + self.interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
