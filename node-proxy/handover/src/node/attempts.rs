//! Decides when to connect to the agent again, and when to report that it is away.

use std::time::Duration;

use tokio::time::Instant;

use crate::channel::retry_delay;

/// A connection that lasts this long was good, and resets the delays.
const STEADY: Duration = Duration::from_secs(5);

/// The attempts to connect since the last steady connection.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
    connected: Option<Instant>,
}

/// The reaction to a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) at: Instant,
    /// Report only the first: an absent agent is tried often.
    pub(super) is_first: bool,
}

impl Attempts {
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// Records a failed attempt or a broken connection. A short connection counts as failed even if the agent sent
    /// much, as it may do so again and again.
    pub(super) fn failed(&mut self, now: Instant) -> Retry {
        let was_steady =
            self.connected.take().is_some_and(|since| now.saturating_duration_since(since) >= STEADY);
        if was_steady {
            self.failed = 0;
        }
        let retry = Retry { at: now + retry_delay(self.failed), is_first: self.failed == 0 };
        self.failed = self.failed.saturating_add(1);
        retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_again_and_again_is_told_once_and_tried_less_often() {
        let mut attempts = Attempts::default();
        let mut now = Instant::now();
        let mut delays = Vec::new();
        for attempt in 0..20 {
            attempts.connected(now);
            let retry = attempts.failed(now);
            assert_eq!(retry.is_first, attempt == 0);
            delays.push(retry.at - now);
            now = retry.at;
        }
        assert!(delays.is_sorted() && delays.last() > delays.first(), "{delays:?}");

        attempts.connected(now);
        let retry = attempts.failed(now + STEADY);
        assert_eq!(retry, Retry { at: now + STEADY + retry_delay(0), is_first: true });
    }
}
