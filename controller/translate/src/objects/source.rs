//! What one file holds, and what a new version of it leaves.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::sync::Arc;

use karez_resources::manifest::{Broken, Reading, Subject};
use karez_resources::{Key, Kind, Problem};

use super::Entry;

/// One file's objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    entries: BTreeMap<Key, Entry>,
    strays: Vec<Stray>,
}

/// Something wrong that belongs to no entry.
#[derive(Debug, Clone)]
struct Stray {
    problem: Problem,
    /// Objects were kept because this may be one of them.
    kept: bool,
}

impl Source {
    /// This file's next version.
    pub(super) fn followed_by(self, readings: Vec<Reading>) -> Self {
        let before = self.entries;
        let mut next = Self::default();
        let mut foreign = Vec::new();
        let mut riddles = Vec::new();
        for reading in readings {
            match reading {
                Reading::Ignored(_) => {}
                Reading::Good(resource) => {
                    next.add(resource.key(), Entry { good: Some(Arc::new(resource)), broken: None });
                }
                Reading::Broken(broken) => match broken.subject.clone() {
                    Subject::Known(key) => {
                        let before = before.get(&key).cloned();
                        next.add_broken(key, *broken, before);
                    }
                    Subject::Foreign(key) => foreign.push((key, *broken)),
                    _ => riddles.push(*broken),
                },
            }
        }
        next.withdraw_doubled(&riddles, &before);
        let mut missing = before;
        missing.retain(|key, _| !next.entries.contains_key(key));
        next.add_foreign(foreign, &mut missing);
        if !riddles.is_empty() {
            next.settle(riddles, missing);
        }
        next
    }

    fn add(&mut self, key: Key, entry: Entry) {
        match (self.entries.entry(key), entry.broken) {
            (Vacant(place), broken) => {
                place.insert(Entry { broken, ..entry });
            }
            (Occupied(_), Some(broken)) => self.strays.push(Stray { problem: broken.problem, kept: false }),
            // Such a one is read as doubled.
            (Occupied(_), None) => {}
        }
    }

    /// A broken object keeps its last good version.
    fn add_broken(&mut self, key: Key, broken: Broken, before: Option<Entry>) {
        let good = before.and_then(|before| before.good);
        self.add(key, Entry { good, broken: Some(broken) });
    }

    /// Where two objects have the name of one that was there before, either may be another one that was renamed: both count for
    /// nothing, and that one is missing.
    fn withdraw_doubled(&mut self, riddles: &[Broken], before: &BTreeMap<Key, Entry>) {
        for riddle in riddles {
            if let Subject::Doubled(key) = &riddle.subject
                && before.contains_key(key)
                && self.entries.get(key).is_some_and(|first| first.broken.is_none())
            {
                self.entries.remove(key);
            }
        }
    }

    /// What another mesh says has no effect, and does not take one away either.
    fn add_foreign(&mut self, foreign: Vec<(Key, Broken)>, missing: &mut BTreeMap<Key, Entry>) {
        for (key, broken) in foreign {
            match missing.remove(&key) {
                Some(before) => self.add_broken(key, broken, Some(before)),
                None => self.strays.push(Stray { problem: broken.problem, kept: false }),
            }
        }
    }

    /// What cannot be told for sure may hold more than it seems to, and other than it seems to: what is `missing` stays.
    /// An object that seems to be none of that, and could be none of it, was never readable.
    fn settle(&mut self, riddles: Vec<Broken>, mut missing: BTreeMap<Key, Entry>) {
        let mut unclaimed = Vec::new();
        for broken in riddles {
            match seeming_key(&broken.subject).and_then(|key| missing.remove_entry(key)) {
                Some((key, before)) => self.add_broken(key, broken, Some(before)),
                None => unclaimed.push(broken),
            }
        }
        for broken in unclaimed {
            match seeming_key(&broken.subject).cloned() {
                Some(key) if !missing.keys().any(|other| may_be(&broken.subject, other)) => {
                    self.add(key, Entry { good: None, broken: Some(broken) });
                }
                _ => self.strays.push(Stray { problem: broken.problem, kept: !missing.is_empty() }),
            }
        }
        self.entries.extend(missing);
    }

    pub(super) fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter()
    }

    pub(super) fn entries_of(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Entry)> {
        let of_kind = self.entries.range(Key::new(kind, "", "")..);
        of_kind.take_while(move |(key, _)| key.kind == kind)
    }

    pub(super) fn strays(&self) -> impl Iterator<Item = (&Problem, bool)> {
        self.strays.iter().map(|stray| (&stray.problem, stray.kept))
    }
}

/// The object that a riddle is taken for, unless another is missing that it may be.
fn seeming_key(subject: &Subject) -> Option<&Key> {
    match subject {
        Subject::Known(key) | Subject::Presumed(key) | Subject::Guessed(key) | Subject::Foreign(key) => {
            Some(key)
        }
        Subject::Doubled(_) | Subject::Unknown => None,
    }
}

/// Whether a riddle may be an object that is missing, called otherwise.
fn may_be(subject: &Subject, missing: &Key) -> bool {
    match subject {
        Subject::Known(key) | Subject::Foreign(key) => key == missing,
        Subject::Presumed(key) => key.kind == missing.kind,
        Subject::Guessed(key) => key.kind.api_version() == missing.kind.api_version(),
        Subject::Doubled(_) | Subject::Unknown => true,
    }
}
