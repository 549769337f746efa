//! The inspector of a connection, shared between its reader and its handles.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::held::Held;
use crate::inspector::Inspector;
use crate::malformed::Malformed;

/// An inspector, and what it has found.
#[derive(Debug)]
pub(super) struct Inspection<I> {
    pub(super) inspector: I,
    pub(super) violation: Option<Violation>,
}

/// A refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Violation {
    pub(super) malformed: Malformed,
    /// No part of the message has passed, so its receiver knows nothing of it.
    pub(super) is_head: bool,
}

/// Locked only for a moment: nobody waits for anything with it.
#[derive(Debug)]
pub(super) struct Shared<I>(Arc<Mutex<Inspection<I>>>);

impl<I> Shared<I> {
    pub(super) fn new(inspector: I) -> Self {
        Self(Arc::new(Mutex::new(Inspection { inspector, violation: None })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inspection<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I> Clone for Shared<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I: Inspector> Inspection<I> {
    /// How many of `bytes` may pass. What is wrong behind them is kept as the violation.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while self.violation.is_none()
            && let Some(rest) = bytes.get(passed..)
            && !rest.is_empty()
        {
            let is_head = self.inspector.is_between_messages();
            match self.inspector.inspect(rest) {
                Ok(verdict) => passed += verdict.passed,
                Err(malformed) => self.violation = Some(Violation { malformed, is_head }),
            }
            let is_stuck = bytes.get(passed..).is_some_and(|left| left.len() == rest.len());
            if is_stuck || self.inspector.is_switching() {
                break;
            }
        }
        passed
    }

    /// Judges what is held. Returns the violation that stands in front of it.
    pub(super) fn judge_held(&mut self, held: &mut Held) -> Option<Violation> {
        if self.violation.is_none() {
            held.pass(|bytes| self.judge(bytes));
        }
        self.violation.filter(|_| !held.has_passed())
    }

    /// Judges the end of the connection.
    pub(super) fn judge_end(&mut self) -> Option<Violation> {
        let is_head = self.inspector.is_between_messages();
        if let Err(malformed) = self.inspector.end() {
            self.violation.get_or_insert(Violation { malformed, is_head });
        }
        self.violation
    }
}
