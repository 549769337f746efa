//! The objects that have a status, and which of them is due to be written. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use karez_resources::Key;
use karez_resources::status::{ACCEPTED, Status};
use tokio::time::Instant;

use super::Sighting;
use super::verdict::{self, Verdict};
use crate::publication::{Generations, Published};

/// After the first failure of a write; twice as long after each one more.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Bytes of a spec that a status keeps: an object holds it twice then, and has a bound itself.
const MOST_SPEC: usize = 256 << 10;

/// The objects, and those of them to look at.
#[derive(Debug, Default)]
pub(super) struct Objects {
    seen: BTreeMap<Key, Seen>,
    /// To look at.
    waiting: BTreeSet<Key>,
    /// Looked at, and of another generation than the verdicts are.
    unjudged: BTreeSet<Key>,
    /// Those whose condition could not be written.
    failures: BTreeMap<Key, Failure>,
    verdicts: BTreeMap<Key, Verdict>,
    /// What the verdicts are about; none until everything has been seen once.
    generations: Option<Generations>,
}

#[derive(Debug)]
struct Seen {
    generation: i64,
    condition: Option<Condition>,
    spec: Option<Arc<str>>,
    last_good_spec: Option<Arc<str>>,
}

/// What an object's status is to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StatusChange {
    condition: Condition,
    /// None where it stays as it is.
    last_good_spec: Option<Arc<str>>,
}

impl StatusChange {
    /// As the API has it, for a merge patch.
    pub(super) fn status(&self) -> Status {
        Status {
            conditions: vec![self.condition.clone()],
            last_good_spec: self.last_good_spec.as_deref().map(str::to_owned),
        }
    }
}

#[derive(Debug)]
struct Failure {
    pause: Duration,
    until: Instant,
}

impl Objects {
    pub(super) fn see(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::There { key, generation, condition, spec, last_good_spec } => {
                self.waiting.insert(key.clone());
                self.seen.insert(key, Seen { generation, condition, spec, last_good_spec });
            }
            Sighting::Gone(key) => {
                self.seen.remove(&key);
                self.waiting.remove(&key);
                self.unjudged.remove(&key);
                self.failures.remove(&key);
            }
        }
    }

    /// Takes over what became of the objects. Before everything has been seen once nothing has become of them.
    pub(super) fn judge(&mut self, published: &Published) {
        if published.pods.is_none() {
            return;
        }
        let verdicts = verdict::of_problems(&published.problems);
        let before = std::mem::replace(&mut self.verdicts, verdicts);
        let named = before.keys().chain(self.verdicts.keys());
        let differs = |key: &&Key| before.get(*key) != self.verdicts.get(*key);
        self.waiting.extend(named.filter(differs).cloned());
        self.waiting.append(&mut self.unjudged);
        self.generations = Some(published.generations.clone());
    }

    pub(super) fn look_at_all(&mut self) {
        self.waiting = self.seen.keys().cloned().collect();
    }

    /// The next object whose status is not as it should be.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<(Key, StatusChange)> {
        let generations = self.generations.as_ref()?;
        let over = self.failures.iter().filter(|(_, failure)| failure.until <= now);
        self.waiting.extend(over.map(|(key, _)| key.clone()));
        while let Some(key) = self.waiting.pop_first() {
            let Some(seen) = self.seen.get(&key) else {
                // It has gone while it was written.
                self.failures.remove(&key);
                continue;
            };
            if self.failures.get(&key).is_some_and(|failure| now < failure.until) {
                continue;
            }
            // A verdict on another generation says nothing of this one.
            if generations.get(&key) != Some(&seen.generation) {
                self.unjudged.insert(key);
                continue;
            }
            match due(seen, self.verdicts.get(&key).unwrap_or(&Verdict::default())) {
                Some(change) => return Some((key, change)),
                None => {
                    self.failures.remove(&key);
                }
            }
        }
        None
    }

    pub(super) fn written(&mut self, key: &Key, change: StatusChange) {
        self.failures.remove(key);
        if let Some(seen) = self.seen.get_mut(key) {
            seen.condition = Some(change.condition);
            seen.last_good_spec = change.last_good_spec.or(seen.last_good_spec.take());
        }
    }

    /// The object is due again after a pause, which grows with each failure.
    pub(super) fn failed(&mut self, key: Key, now: Instant) {
        let before = self.failures.get(&key).map(|failure| failure.pause);
        let pause = before.map_or(FIRST_PAUSE, |before| (before * 2).min(LONGEST_PAUSE));
        self.failures.insert(key, Failure { pause, until: now + pause });
    }
}

/// What to write, if the status is to be another than it is.
fn due(seen: &Seen, verdict: &Verdict) -> Option<StatusChange> {
    let status = if verdict.accepted { "True" } else { "False" };
    let present = seen.condition.as_ref();
    let is_so = present.is_some_and(|present| {
        present.status == status
            && present.reason == verdict.reason
            && present.message == verdict.message
            && present.observed_generation == Some(seen.generation)
    });
    let last_good_spec = news_of_last_good_spec(seen, verdict);
    if is_so && last_good_spec.is_none() {
        return None;
    }
    let unchanged = present.filter(|present| present.status == status);
    let since =
        unchanged.map_or_else(|| Time(Timestamp::now()), |present| present.last_transition_time.clone());
    let condition = Condition {
        last_transition_time: since,
        message: verdict.message.clone(),
        observed_generation: Some(seen.generation),
        reason: verdict.reason.to_owned(),
        status: status.to_owned(),
        type_: ACCEPTED.to_owned(),
    };
    Some(StatusChange { condition, last_good_spec })
}

/// The spec, where it is in force and not kept yet.
fn news_of_last_good_spec(seen: &Seen, verdict: &Verdict) -> Option<Arc<str>> {
    let spec = seen.spec.as_ref().filter(|spec| verdict.accepted && spec.len() <= MOST_SPEC)?;
    (seen.last_good_spec.as_ref() != Some(spec)).then(|| Arc::clone(spec))
}

#[cfg(test)]
mod tests;
