//! Which objects the files of a folder hold, and which of several files' counts. Pure.
//!
//! A version of a file is taken in as a whole or not at all: one with an error in it changes nothing, and what the file held
//! before stays. Only where the file held nothing, as at first sight, it is taken in as far as it can be read: with its good
//! objects, and in the place of the others what refuses where they might have closed something.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_resources::manifest::{self, Reading, Subject};
use karez_resources::{Key, Problem, Resource};
use karez_translate::report::whole_object;
use karez_translate::{Broken, Delta, Effect, Report};

/// All files of a folder.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<Arc<str>, Manifest>,
    /// What each file holds of an object.
    holders: BTreeMap<Key, BTreeMap<Arc<str>, Version>>,
    /// What counted of the objects that changed since the last deltas.
    before: BTreeMap<Key, Option<Counting>>,
}

/// One file.
#[derive(Debug, Default)]
struct Manifest {
    keys: Vec<Key>,
    /// What is wrong with its present version, beside what an object's version says.
    problems: Vec<(Problem, Effect)>,
}

/// What a file holds of an object.
#[derive(Debug, Clone, PartialEq)]
enum Version {
    Good(Arc<Resource>),
    /// It never had a good version.
    Unreadable(Box<Broken>),
}

/// The version of an object that counts, and its file.
type Counting = (Arc<str>, Version);

impl Files {
    /// Takes a new version of a file in. True when it is what the file holds now; false when what it held before stays.
    pub(super) fn load(&mut self, file: &str, readings: Vec<Reading>) -> bool {
        let mut good = Vec::new();
        let mut errors = Vec::new();
        let mut problems = Vec::new();
        for reading in readings {
            match reading {
                Reading::Good(resource) => good.push(*resource),
                Reading::Broken(broken) if self.is_foreign(file, &broken) => {
                    problems.push((broken.problem, Effect::Nothing));
                }
                Reading::Broken(broken) => errors.push(*broken),
                Reading::Ignored(_) => {}
            }
        }
        let is_taken = errors.is_empty() || !self.holds(file);
        if is_taken {
            let (versions, strays) = versions(good, errors);
            problems.extend(strays.into_iter().map(|problem| (problem, Effect::Nothing)));
            self.hold(file, versions);
        } else {
            problems.extend(errors.into_iter().filter_map(|error| self.refuse(file, error)));
        }
        self.files.entry(file.into()).or_default().problems = problems;
        is_taken
    }

    /// Forgets a file that is gone, and all that it held.
    pub(super) fn unload(&mut self, file: &str) {
        self.hold(file, BTreeMap::new());
        self.files.remove(file);
    }

    /// Whether some version of the file was taken in.
    pub(super) fn is_loaded(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }

    /// Whether the file holds an object.
    pub(super) fn holds(&self, file: &str) -> bool {
        self.files.get(file).is_some_and(|manifest| !manifest.keys.is_empty())
    }

    /// What changed since the last time.
    pub(super) fn take_deltas(&mut self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        for (key, before) in std::mem::take(&mut self.before) {
            let now = self.counting(&key);
            if now == before {
                continue;
            }
            match now {
                Some((file, Version::Good(resource))) => {
                    deltas.push(Delta::Set { resource, file: Some(file) });
                }
                Some((file, Version::Unreadable(broken))) => {
                    // What another file said of it counts no longer.
                    if before.is_some() {
                        deltas.push(Delta::Gone(key.clone()));
                    }
                    deltas.push(Delta::Unreadable { key, broken, file: Some(file) });
                }
                None => deltas.push(Delta::Gone(key)),
            }
        }
        deltas
    }

    /// What is wrong with files, and with versions that do not count. What is wrong with an object that counts is its own.
    pub(super) fn problems(&self) -> Vec<Report> {
        let of_files = self.files.iter().flat_map(|(file, manifest)| {
            let report = |(problem, effect): &(Problem, Effect)| report(file, problem.clone(), *effect);
            manifest.problems.iter().map(report)
        });
        let shared = self.holders.iter().filter(|(_, holders)| holders.len() > 1);
        let shadowed = shared.flat_map(|(key, holders)| {
            let counting = self.counting(key).map(|(file, _)| file).unwrap_or_default();
            let shadowed = holders.iter().filter(|(file, _)| **file != counting).map(|(file, version)| {
                let problem = match version {
                    Version::Good(_) => shadowed(key, &counting),
                    Version::Unreadable(broken) => broken.problem.clone(),
                };
                report(file, problem, Effect::Nothing)
            });
            shadowed.collect::<Vec<_>>()
        });
        of_files.chain(shadowed).collect()
    }

    /// Another mesh's policy has no effect; but where the file has one of ours by its name, it is what became of that.
    fn is_foreign(&self, file: &str, broken: &manifest::Broken) -> bool {
        let is_held = |key| self.holders.get(key).is_some_and(|holders| holders.contains_key(file));
        matches!(&broken.subject, Subject::Foreign(key) if !is_held(key))
    }

    /// Notes an error in a version that is not taken in; what is wrong with an object that never was good is told with that.
    fn refuse(&mut self, file: &str, error: manifest::Broken) -> Option<(Problem, Effect)> {
        let key = object(&error.subject).cloned();
        let version = key.as_ref().and_then(|key| self.holders.get(key)?.get(file));
        let (Some(key), Some(Version::Unreadable(_))) = (key, version) else {
            return Some((error.problem, Effect::LastGoodVersion));
        };
        // It covers what it says now: where that cannot be read, its namespace.
        let broken = Broken { problem: error.problem, selector: error.selector, last_good: None };
        self.replace(file, &key, Some(Version::Unreadable(Box::new(broken))));
        None
    }

    fn hold(&mut self, file: &str, versions: BTreeMap<Key, Version>) {
        let keys = versions.keys().cloned().collect();
        let manifest = self.files.entry(file.into()).or_default();
        let before = std::mem::replace(&mut manifest.keys, keys);
        for key in before.iter().filter(|key| !versions.contains_key(*key)) {
            self.replace(file, key, None);
        }
        for (key, version) in versions {
            self.replace(file, &key, Some(version));
        }
    }

    fn replace(&mut self, file: &str, key: &Key, version: Option<Version>) {
        if !self.before.contains_key(key) {
            self.before.insert(key.clone(), self.counting(key));
        }
        let holders = self.holders.entry(key.clone()).or_default();
        match version {
            Some(version) => holders.insert(file.into(), version),
            None => holders.remove(file),
        };
        if holders.is_empty() {
            self.holders.remove(key);
        }
    }

    /// That of the first file by name which has a good version, else of the first.
    fn counting(&self, key: &Key) -> Option<Counting> {
        let holders = self.holders.get(key)?.iter();
        let first = holders.min_by_key(|(_, version)| matches!(version, Version::Unreadable(_)));
        first.map(|(file, version)| (Arc::clone(file), version.clone()))
    }
}

/// What a version holds that is taken in as far as it can be read, and what is wrong and belongs to no object.
fn versions(good: Vec<Resource>, errors: Vec<manifest::Broken>) -> (BTreeMap<Key, Version>, Vec<Problem>) {
    let good = good.into_iter().map(|resource| (resource.key(), Version::Good(Arc::new(resource))));
    let mut versions: BTreeMap<Key, Version> = good.collect();
    let mut strays = Vec::new();
    for manifest::Broken { problem, subject, selector } in errors {
        match object(&subject) {
            Some(key) if !versions.contains_key(key) => {
                let broken = Box::new(Broken { problem, selector, last_good: None });
                versions.insert(key.clone(), Version::Unreadable(broken));
            }
            _ => strays.push(problem),
        }
    }
    (versions, strays)
}

/// The object that a broken one is, or is taken for.
fn object(subject: &Subject) -> Option<&Key> {
    match subject {
        Subject::Known(key) | Subject::Presumed(key) | Subject::Guessed(key) => Some(key),
        Subject::Doubled(_) | Subject::Foreign(_) | Subject::Unknown => None,
    }
}

fn shadowed(key: &Key, other: &str) -> Problem {
    whole_object(key, &format!("stands in {other} too: that one counts"))
}

fn report(file: &str, problem: Problem, effect: Effect) -> Report {
    Report { source: file.to_owned(), problem, effect }
}

#[cfg(test)]
mod tests;
