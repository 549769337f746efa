//! The roster, as the agent's tasks share it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::agent::roster::Roster;

/// One roster for all. It is locked for moments, never across an await.
#[derive(Debug, Default)]
pub struct SharedRoster {
    roster: Mutex<Roster>,
    changes: watch::Sender<u64>,
}

impl SharedRoster {
    /// Looks at the roster or changes it; whoever waits for changes is woken if there was one.
    pub fn with<R>(&self, work: impl FnOnce(&mut Roster) -> R) -> R {
        let (result, changes) = {
            // Whoever panicked did so between two whole changes.
            let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
            (work(&mut roster), roster.changes())
        };
        self.changes.send_if_modified(|known| std::mem::replace(known, changes) != changes);
        result
    }

    /// Tells of every change from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns what `condition` finds, once it finds something. Cancel safe.
    pub async fn wait<R>(&self, mut condition: impl FnMut(&mut Roster) -> Option<R>) -> R {
        let mut changes = self.watch();
        loop {
            if let Some(found) = self.with(&mut condition) {
                return found;
            }
            // It fails only when the sender is gone, and this holds it.
            let _ = changes.changed().await;
        }
    }
}
