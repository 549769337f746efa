//! Limits log lines that others can cause, and counts the omitted ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Allows a burst of lines, then one each period.
#[derive(Debug)]
pub struct LogLimiter {
    burst: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the whole burst is allowed again; None before the first line.
    replenished: Option<Instant>,
    /// Lines omitted since the last allowed one.
    unsaid: u64,
    /// Lines omitted since the start.
    left_out: u64,
}

impl LogLimiter {
    /// Allows `burst` lines at once, and one more each `period`.
    #[must_use]
    pub fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period, state: Mutex::default() }
    }

    /// Allows one line each period.
    #[must_use]
    pub fn one_each(period: Duration) -> Self {
        Self::new(1, period)
    }

    /// If a line may be written now: how many were omitted since the last one. The caller then writes it.
    #[must_use]
    pub fn allow(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.lock();
        let replenished = state.replenished.map_or(now, |replenished| replenished.max(now)) + self.period;
        if replenished - now > self.period * self.burst {
            state.unsaid += 1;
            state.left_out += 1;
            return None;
        }
        state.replenished = Some(replenished);
        Some(std::mem::take(&mut state.unsaid))
    }

    /// Lines omitted since the start.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent at every point under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
