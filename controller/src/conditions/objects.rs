//! The objects that have a status, and which of them is due to be written. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use karez_resources::Key;
use karez_resources::status::{ACCEPTED, LAST_GOOD_SPEC};
use serde_json::{Value, json};
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
    good_spec: Option<Arc<str>>,
    last_good_spec: Option<Arc<str>>,
}

/// What an object's status is to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StatusChange {
    condition: Condition,
    /// None where it stays as it is.
    last_good_spec: Option<LastGoodSpec>,
}

impl StatusChange {
    /// As the API has it, for a merge patch: there a null removes a field.
    pub(super) fn status(&self) -> Value {
        let conditions = [&self.condition];
        match &self.last_good_spec {
            None => json!({"conditions": conditions}),
            Some(spec) => json!({"conditions": conditions, LAST_GOOD_SPEC: spec.text()}),
        }
    }
}

/// What a status is to keep of a spec that can be read.
#[derive(Debug, Clone, PartialEq)]
enum LastGoodSpec {
    Kept(Arc<str>),
    /// Nothing. The spec before it must go: it may open what this one closes.
    TooLong,
}

impl LastGoodSpec {
    fn of(spec: &Arc<str>) -> Self {
        if spec.len() <= MOST_SPEC { Self::Kept(Arc::clone(spec)) } else { Self::TooLong }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Kept(spec) => Some(spec),
            Self::TooLong => None,
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
            Sighting::There { key, generation, condition, good_spec, last_good_spec } => {
                self.waiting.insert(key.clone());
                self.seen.insert(key, Seen { generation, condition, good_spec, last_good_spec });
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
            match change.last_good_spec {
                Some(LastGoodSpec::Kept(spec)) => seen.last_good_spec = Some(spec),
                Some(LastGoodSpec::TooLong) => seen.last_good_spec = None,
                None => {}
            }
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
    let last_good_spec = news_of_last_good_spec(seen);
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

/// What the status is to keep from now on, where the spec can be read. Whether it has any effect does not matter: replicas that
/// saw it go on with it.
fn news_of_last_good_spec(seen: &Seen) -> Option<LastGoodSpec> {
    let news = LastGoodSpec::of(seen.good_spec.as_ref()?);
    (news.text() != seen.last_good_spec.as_deref()).then_some(news)
}

#[cfg(test)]
mod tests;
