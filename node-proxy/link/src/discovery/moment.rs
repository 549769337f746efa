//! Decides whether the responses so far make up one moment of the mesh, or only a part of it.
//!
//! A change often touches several types: a policy that covers its namespace no longer, and the workloads that it selects
//! instead. Were each response published as it comes, the policy would cover nobody between the two. So a controller bears
//! its configuration's version only in the last response of a moment, and the node holds earlier responses back until then.
//! Istio's control plane bears a version in every response, so each counts as whole.

use std::time::Duration;

use tokio::time::Instant;

use crate::discovery::kind::ResourceKind;
use crate::discovery::served::ServedTypes;

/// What a control plane that bears no versions has sent counts as whole after so long.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// How far the present stream has come with the moment that it brings.
#[derive(Debug)]
pub(super) struct Moment<K> {
    /// Types that the stream is to answer for.
    served: ServedTypes,
    /// Types that it has answered for: what was held before is of this moment only once it has.
    answered: Vec<K>,
    /// When the first part came of what is not whole yet.
    part_at: Option<Instant>,
    /// Whether a version was ever seen: then the rest is waited for, however long it takes.
    bears_versions: bool,
}

impl<K: ResourceKind> Moment<K> {
    /// A stream has begun, or ended. What came before it is completed by what it brings.
    pub(super) fn restart(&mut self) {
        *self = Self { bears_versions: self.bears_versions, ..Self::default() };
    }

    /// The stream has said which types it serves.
    pub(super) fn expect(&mut self, served: ServedTypes) {
        self.served = served;
    }

    /// The types that the stream serves; all of them before it has said.
    pub(super) fn served(&self) -> ServedTypes {
        self.served
    }

    /// Notes a response, and tells whether with it the moment is whole.
    pub(super) fn take(&mut self, kind: K, version: &str, now: Instant) -> bool {
        if !self.answered.contains(&kind) {
            self.answered.push(kind);
        }
        self.bears_versions |= !version.is_empty();
        let whole = !version.is_empty() && self.has_all_served();
        self.part_at = (!whole).then_some(self.part_at.unwrap_or(now));
        whole
    }

    fn has_all_served(&self) -> bool {
        K::served(self.served).all(|kind| self.answered.contains(&kind))
    }

    /// When parts count as the whole though nothing says that they are it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // Karez's controller bears a version in the last part, however many there are.
        let may_be_whole = self.served == ServedTypes::Istio && !self.bears_versions && self.has_all_served();
        self.part_at.filter(|_| may_be_whole).map(|at| at + SILENCE)
    }

    /// Takes the parts for the whole, if it is time to. Tells whether it is.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let over = self.deadline().is_some_and(|deadline| deadline <= now);
        self.part_at.take_if(|_| over).is_some()
    }
}

impl<K> Default for Moment<K> {
    /// Nothing has come.
    fn default() -> Self {
        Self { served: ServedTypes::default(), answered: Vec::new(), part_at: None, bears_versions: false }
    }
}
