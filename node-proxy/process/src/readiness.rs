//! Whether the program can do its work: named conditions, all of which must hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::http::{Answer, text};

/// The program's readiness. Cheap to clone.
///
/// It is ready when every [`Condition`] holds that was ever asked for; so ask for all of them before the first is met.
#[derive(Debug, Clone)]
pub struct Readiness {
    awaited: Arc<watch::Sender<BTreeSet<&'static str>>>,
}

/// One thing that must hold. It does not at first.
#[derive(Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// With no condition: ready.
    #[must_use]
    pub fn new() -> Self {
        Self { awaited: Arc::new(watch::Sender::new(BTreeSet::new())) }
    }

    /// Adds a condition, such as `configuration`. Two of one name are one.
    #[must_use = "the program is not ready until it is met"]
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition { name, readiness: self.clone() };
        condition.unmet();
        condition
    }

    /// The conditions that do not hold, sorted; ready when there is none.
    #[must_use]
    pub fn awaited(&self) -> Vec<&'static str> {
        self.awaited.borrow().iter().copied().collect()
    }

    /// Returns once every condition holds.
    pub async fn ready(&self) {
        let mut awaited = self.awaited.subscribe();
        // It fails only when the sender is gone, and this holds it.
        let _ = awaited.wait_for(BTreeSet::is_empty).await;
    }

    /// What the readiness endpoint says: 200, or 503 with the names of what is awaited.
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
    /// It holds.
    pub fn met(&self) {
        self.readiness.awaited.send_if_modified(|awaited| awaited.remove(self.name));
    }

    /// It does not hold (any longer).
    pub fn unmet(&self) {
        self.readiness.awaited.send_if_modified(|awaited| awaited.insert(self.name));
    }
}

#[cfg(test)]
mod tests;
