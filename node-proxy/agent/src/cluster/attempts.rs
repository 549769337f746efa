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
    again_at: Instant,
    reason: String,
}

impl Attempts {
    /// Whether it is time to try.
    #[must_use]
    pub fn is_due(&self, uid: &str, now: Instant) -> bool {
        self.failed.get(uid).is_none_or(|failed| failed.again_at <= now)
    }

    /// Notes a failure. Tells whether it is another one than before: only that is worth a line in the log.
    pub fn fail(&mut self, uid: &str, reason: String, now: Instant, random: u64) -> bool {
        let before = self.failed.get(uid);
        let attempts = before.map_or(0, |failed| failed.attempts.saturating_add(1));
        let is_news = before.is_none_or(|failed| failed.reason != reason);
        let again_at = now + RETRY.delay(attempts, random);
        self.failed.insert(uid.to_owned(), Failed { attempts, again_at, reason });
        is_news
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
