//! Whether the program can work: named conditions that must all hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::http::{Answer, text};

/// The program's readiness. Cheap to clone.
///
/// It is ready when every requested [`Condition`] holds. Request all of them before the first is met.
#[derive(Debug, Clone)]
pub struct Readiness {
    awaited: Arc<watch::Sender<BTreeSet<&'static str>>>,
}

/// One thing that must hold. At first it does not.
#[derive(Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Without conditions: ready.
    #[must_use]
    pub fn new() -> Self {
        Self { awaited: Arc::new(watch::Sender::new(BTreeSet::new())) }
    }

    /// Adds a condition, such as `configuration`. Two with one name are the same.
    #[must_use = "the program is not ready until it is met"]
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition { name, readiness: self.clone() };
        condition.unmet();
        condition
    }

    /// The conditions that do not hold, sorted. Ready if empty.
    #[must_use]
    pub fn awaited(&self) -> Vec<&'static str> {
        self.awaited.borrow().iter().copied().collect()
    }

    /// Returns once every condition holds.
    pub async fn ready(&self) {
        let mut awaited = self.awaited.subscribe();
        // Fails only without the sender, which `self` holds.
        let _ = awaited.wait_for(BTreeSet::is_empty).await;
    }

    /// The readiness endpoint's answer: 200, or 503 with the unmet conditions.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let awaited = self.awaited();
        if awaited.is_empty() {
            text(http::StatusCode::OK, "ready\n")
        } else {
            let message = format!("not ready: awaiting {}\n", awaited.join(", "));
            text(http::StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Condition {
    /// The condition holds.
    pub fn met(&self) {
        self.readiness.awaited.send_if_modified(|awaited| awaited.remove(self.name));
    }

    /// The condition does not hold (any longer).
    pub fn unmet(&self) {
        self.readiness.awaited.send_if_modified(|awaited| awaited.insert(self.name));
    }
}

#[cfg(test)]
mod tests;
