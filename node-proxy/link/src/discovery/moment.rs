//! Whether what has been received makes up one moment of the mesh, or is a part of one.
//!
//! A change often touches several types: a policy that covers its namespace no longer, and the workloads that it selects
//! instead. Were each response published as it comes, the policy would cover nobody between the two. So a controller bears
//! its configuration's version in the last response of a moment alone, and what comes before it is kept back. Istio's
//! control plane bears one in every response, and each counts as whole.

use std::time::Duration;

use tokio::time::Instant;

use crate::discovery::kind::Kind;

/// A control plane that bears no versions is known by its silence after what it has sent.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// How far the present stream has come with the moment that it brings.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// Types that it has answered for: what was held before is of this moment only once it has.
    answered: Vec<Kind>,
    /// When the last part came, if there is more to come.
    part_at: Option<Instant>,
}

impl Moment {
    /// A stream has begun, or ended. What came before it is completed by what it brings.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Notes a response, and tells whether with it the moment is whole.
    pub(super) fn take(&mut self, kind: Kind, version: &str, now: Instant) -> bool {
        if !self.answered.contains(&kind) {
            self.answered.push(kind);
        }
        let whole = !version.is_empty() && Kind::essential().all(|kind| self.answered.contains(&kind));
        self.part_at = (!whole).then_some(now);
        whole
    }

    /// When the silence after a part has lasted long enough to take it for the whole.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.part_at.map(|at| at + SILENCE)
    }

    /// Takes the part for the whole, if the silence has lasted long enough. Tells whether it has.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let over = self.deadline().is_some_and(|deadline| deadline <= now);
        self.part_at.take_if(|_| over).is_some()
    }
}
