//! Decides when to ask for a certificate: takes what happened, and answers how long to wait. Pure.

use std::time::{Duration, SystemTime};

use karez_process::backoff::Backoff;

/// Without a usable certificate connections are waiting.
const URGENT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(15));
/// With one, half its life is left to get the next; but never more often than this, however short that is.
const SHORTEST: Duration = Duration::from_millis(500);
/// And never more rarely than this.
const LONGEST: Duration = Duration::from_secs(150);
/// Certificates count in wall-clock time and sleeps do not: a step of the clock is noticed within this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// From a certificate's last moment to the first at which it is expired.
const TICK: Duration = Duration::from_millis(1);

/// One identity's timing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    due: SystemTime,
    failures: u32,
    current: Option<Lifetime>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lifetime {
    not_after: SystemTime,
    /// From its arrival to `not_after`.
    life: Duration,
}

impl Schedule {
    /// Nothing yet: due at once.
    pub(super) fn new(now: SystemTime) -> Self {
        Self { due: now, failures: 0, current: None }
    }

    /// A certificate came. The next is due when half of the life that it came with is over, a tenth of that earlier or
    /// later; its stated beginning plays no part, because CAs backdate it.
    pub(super) fn issued(&mut self, now: SystemTime, not_after: SystemTime, random: u64) {
        let life = not_after.duration_since(now).unwrap_or_default();
        self.due = now + about_half(life, random).max(SHORTEST);
        self.failures = 0;
        self.current = Some(Lifetime { not_after, life });
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, now: SystemTime, random: u64) {
        let again = now + self.backoff(now).delay(self.failures, random);
        // At the latest when it expires, because from then on it is urgent.
        self.due = match &self.current {
            Some(current) if now <= current.not_after => again.min(current.not_after + TICK),
            _ => again,
        };
        self.failures = self.failures.saturating_add(1);
    }

    /// The certificate is of no use any more, whatever its dates say: due at once.
    pub(super) fn void(&mut self, now: SystemTime) {
        self.current = None;
        self.failures = 0;
        self.due = now;
    }

    /// Whether it is time to ask.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        now >= self.due
    }

    /// How long nothing happens by itself; `asking` while an attempt is under way, which sets the next date itself.
    pub(super) fn sleep(&self, now: SystemTime, asking: bool) -> Duration {
        let due = (!asking).then(|| self.due.duration_since(now).unwrap_or_default());
        let expiry = self.current.as_ref().and_then(|current| until_expired(current.not_after, now));
        [due, expiry].into_iter().flatten().fold(LONGEST_SLEEP, Duration::min)
    }

    fn backoff(&self, now: SystemTime) -> Backoff {
        match &self.current {
            // Short lives leave short time: several attempts fit into what is left of any of them.
            Some(current) if now <= current.not_after => {
                Backoff::new(SHORTEST, (current.life / 8).clamp(SHORTEST, LONGEST))
            }
            _ => URGENT,
        }
    }
}

/// 45 to 55 % of `life`.
fn about_half(life: Duration, random: u64) -> Duration {
    let share = f64::from((random >> 32) as u32) / f64::from(u32::MAX);
    life.mul_f64(0.45 + 0.1 * share)
}

/// Until the first moment at which it is expired; `None` when it is already.
fn until_expired(not_after: SystemTime, now: SystemTime) -> Option<Duration> {
    not_after.duration_since(now).ok().map(|left| left + TICK)
}

#[cfg(test)]
mod tests;
