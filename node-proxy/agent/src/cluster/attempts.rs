//! When to try again what failed. Pure: time and randomness are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use karez_process::backoff::Backoff;
use tokio::time::Instant;

/// A Pod's sandbox comes within a second, or is waited for by its image, its volumes, its node.
const RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// Failed attempts by Pod uid.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: BTreeMap<String, Failed>,
}

#[derive(Debug)]
struct Failed {
    attempts: u32,
    of_this_reason: u32,
    again_at: Instant,
    reason: String,
}

impl Attempts {
    /// Whether it is time to try.
    #[must_use]
    pub fn is_due(&self, uid: &str, now: Instant) -> bool {
        self.failed.get(uid).is_none_or(|failed| failed.again_at <= now)
    }

    /// Notes a failure. Tells how many attempts have failed for the same reason, this one included: the first is worth a line
    /// in the log, or a later one where the first ones are to be expected.
    pub fn fail(&mut self, uid: &str, reason: String, now: Instant, random: u64) -> u32 {
        let before = self.failed.get(uid);
        let attempts = before.map_or(0, |failed| failed.attempts.saturating_add(1));
        let same = before.filter(|failed| failed.reason == reason);
        let of_this_reason = same.map_or(0, |failed| failed.of_this_reason).saturating_add(1);
        let again_at = now + RETRY.delay(attempts, random);
        self.failed.insert(uid.to_owned(), Failed { attempts, of_this_reason, again_at, reason });
        of_this_reason
    }

    /// Forgets the failures of a Pod.
    pub fn succeed(&mut self, uid: &str) {
        self.failed.remove(uid);
    }

    /// Forgets the failures of all Pods but these.
    pub fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.failed.retain(|uid, _| is_wanted(uid));
    }

    /// When the next one of these Pods is due.
    pub fn next_due(&self, is_idle: impl Fn(&str) -> bool) -> Option<Instant> {
        let idle = self.failed.iter().filter(|(uid, _)| is_idle(uid));
        idle.map(|(_, failed)| failed.again_at).min()
    }
}

#[cfg(test)]
mod tests;
