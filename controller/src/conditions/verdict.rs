//! What the condition `Accepted` is to say of an object. Pure.

use std::collections::BTreeMap;

use karez_resources::{Key, Kind};
use karez_translate::{Effect, Report};

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It is in force.
    pub(super) accepted: bool,
    /// In one word, for programs.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
}

/// What the API server takes of a message, in bytes.
const MOST_MESSAGE: usize = 32_768;

/// Of an object that nothing is wrong with.
impl Default for Verdict {
    fn default() -> Self {
        Self { accepted: true, reason: "Accepted", message: String::new() }
    }
}

/// The verdicts of objects that something is wrong with.
pub(super) fn of_problems(problems: &[Report]) -> BTreeMap<Key, Verdict> {
    let mut verdicts: BTreeMap<Key, Verdict> = BTreeMap::new();
    for report in problems {
        let Some(key) = key(report) else { continue };
        let verdict = of_report(report);
        verdicts.entry(key).and_modify(|before| before.add(&verdict)).or_insert(verdict);
    }
    verdicts
}

/// The object of a kind that has a status.
fn key(report: &Report) -> Option<Key> {
    let problem = &report.problem;
    let kind =
        [Kind::AuthorizationPolicy, Kind::Mesh].into_iter().find(|kind| kind.as_str() == problem.kind)?;
    Some(Key::new(kind, &problem.namespace, &problem.name))
}

fn of_report(report: &Report) -> Verdict {
    let (accepted, reason) = match report.effect {
        Effect::LastGoodVersion | Effect::Refused | Effect::Nothing => (false, "Invalid"),
        Effect::Stricter => (true, "Stricter"),
        Effect::AsWritten => (true, "Suspicious"),
        Effect::AllButField => (true, "PartlySupported"),
    };
    let problem = &report.problem;
    let field = if problem.field.is_empty() { String::new() } else { format!("{}: ", problem.field) };
    let message = format!("{field}{} (in its place: {})", problem.message, report.effect);
    Verdict { accepted, reason, message }
}

impl Verdict {
    /// What is worse decides; all is said.
    fn add(&mut self, other: &Self) {
        if self.accepted && !other.accepted {
            self.accepted = false;
            self.reason = other.reason;
        }
        if self.message.len() + other.message.len() < MOST_MESSAGE {
            self.message.push_str("; ");
            self.message.push_str(&other.message);
        }
    }
}

#[cfg(test)]
mod tests;
