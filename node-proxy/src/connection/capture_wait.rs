//! How long a connection waits for a Pod that is announced with a tunnel and refuses it. The mesh announces Pods by their
//! labels: such a Pod is about to be captured, or has left and its peers have not heard of it. Pure.

use std::time::{Duration, Instant};

use karez_api::names::port;
use karez_api::outcome::{ConnectError, Failure, Outcome};
use karez_process::backoff::Backoff;

/// In all. The agent needs well under a second, unless its node is overloaded.
const LIMIT: Duration = Duration::from_secs(5);
/// Between two rounds of attempts.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_millis(400));

/// One connection's wait.
#[derive(Debug, Default)]
pub(crate) struct CaptureWait {
    /// When a tunnel was first refused.
    since: Option<Instant>,
    /// One was refused in this round.
    is_refused: bool,
    rounds: u32,
}

impl CaptureWait {
    /// Notes the outcome of an attempt.
    pub(crate) fn note(&mut self, outcome: &Outcome, now: Instant) {
        if is_tunnel_refused(outcome) {
            self.since.get_or_insert(now);
            self.is_refused = true;
        }
    }

    /// Time until all endpoints are to be tried anew, once the last has failed; None if that would not help.
    pub(crate) fn pause(&mut self, now: Instant, random: u64) -> Option<Duration> {
        let since = self.since.filter(|since| now.duration_since(*since) < LIMIT)?;
        if !std::mem::take(&mut self.is_refused) {
            return None;
        }
        let pause = PAUSE.delay(self.rounds, random);
        self.rounds = self.rounds.saturating_add(1);
        Some(pause.min((since + LIMIT).duration_since(now)))
    }
}

/// Whether nobody listens for tunnels. The agent holds the listener of a captured Pod, even if no node proxy runs.
fn is_tunnel_refused(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed(Failure::Connect { to, reason: ConnectError::Refused }) if to.port() == port::HBONE
    )
}

#[cfg(test)]
mod tests;
