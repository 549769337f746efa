//! The roster, shared by the agent's tasks.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::agent::roster::Roster;

/// One roster for all. Its lock is short, and never held across an await.
#[derive(Debug, Default)]
pub struct SharedRoster {
    roster: Mutex<Roster>,
    changes: watch::Sender<u64>,
}

impl SharedRoster {
    /// Reads or changes the roster. A change wakes the waiting tasks.
    pub fn with<R>(&self, work: impl FnOnce(&mut Roster) -> R) -> R {
        let (result, changes) = {
            // The roster is consistent at every point under the lock.
            let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
            (work(&mut roster), roster.changes())
        };
        self.changes.send_if_modified(|known| std::mem::replace(known, changes) != changes);
        result
    }

    /// Notifies of every change from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns the first value that `condition` finds. Cancel-safe.
    pub async fn wait<R>(&self, mut condition: impl FnMut(&mut Roster) -> Option<R>) -> R {
        let mut changes = self.watch();
        loop {
            if let Some(found) = self.with(&mut condition) {
                return found;
            }
            // Fails only without the sender, which `self` holds.
            let _ = changes.changed().await;
        }
    }
}
