//! When to look for the agent again, and when to say that it is away.

use std::time::Duration;

use tokio::time::Instant;

use crate::channel::retry_delay;

/// A connection that held for so long was a good one: its end begins anew.
const STEADY: Duration = Duration::from_secs(5);

/// The attempts to connect since there was a steady connection.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
    connected: Option<Instant>,
}

/// What is to be done about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) at: Instant,
    /// Once is enough: an agent that is away is tried often.
    pub(super) is_first: bool,
}

impl Attempts {
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// It could not connect, or the connection broke: also one over which the agent had much to say, if it says it again and again.
    pub(super) fn failed(&mut self, now: Instant) -> Again {
        let was_steady =
            self.connected.take().is_some_and(|since| now.saturating_duration_since(since) >= STEADY);
        if was_steady {
            self.failed = 0;
        }
        let again = Again { at: now + retry_delay(self.failed), is_first: self.failed == 0 };
        self.failed = self.failed.saturating_add(1);
        again
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
            let again = attempts.failed(now);
            assert_eq!(again.is_first, attempt == 0);
            delays.push(again.at - now);
            now = again.at;
        }
        assert!(delays.is_sorted() && delays.last() > delays.first(), "{delays:?}");

        attempts.connected(now);
        let again = attempts.failed(now + STEADY);
        assert_eq!(again, Again { at: now + STEADY + retry_delay(0), is_first: true });
    }
}
