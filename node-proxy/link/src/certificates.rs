//! A certificate for each identity of the node's Pods: fetched when first wanted, renewed at half its life, kept while
//! a renewal fails, and never used once it has expired.
//!
//! [`Certificates::want`] gives a watch of one identity's [`State`]. The identity is kept up for as long as any such
//! watch exists; when the last one is dropped it is forgotten, key and all.

mod answer;
mod keeper;
mod schedule;
mod signer;
mod state;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use karez_api::identity::Identity;
use karez_api::operator::CertificateReport;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::bundle::Bundles;
use crate::clock::{Clock, SystemClock};
use keeper::Keeper;

pub use answer::BadAnswer;
pub use signer::Signer;
pub use state::{FetchError, State};

/// Requests that the CA has to deal with at a time, from one node.
const FETCHES: usize = 8;

/// The node's certificates; cheap to clone, to be shared by all workers.
#[derive(Clone)]
pub struct Certificates {
    shared: Arc<Shared>,
}

/// The other half of [`Certificates`]: fetches and renews.
#[derive(Debug)]
pub struct Renewals {
    certificates: Certificates,
}

struct Shared {
    entries: Mutex<HashMap<Identity, CertificateEntry>>,
    wanted: Notify,
    bundles: watch::Receiver<Bundles>,
    clock: Arc<dyn Clock>,
    permits: Semaphore,
    changes: watch::Sender<()>,
}

struct CertificateEntry {
    states: Arc<watch::Sender<State>>,
    // A keeper looks after it.
    kept: bool,
}

impl Certificates {
    /// No identity yet. Peers will be verified against `bundles`, or, for a trust domain that discovery brings none
    /// for, against the roots that come with the certificate. Nothing is fetched until [`Renewals::run`] is awaited.
    #[must_use]
    pub fn new(bundles: watch::Receiver<Bundles>) -> (Self, Renewals) {
        Self::with_clock(bundles, Arc::new(SystemClock))
    }

    /// The same under another clock than the system's.
    #[must_use]
    pub fn with_clock(bundles: watch::Receiver<Bundles>, clock: Arc<dyn Clock>) -> (Self, Renewals) {
        let shared = Shared {
            entries: Mutex::default(),
            wanted: Notify::new(),
            bundles,
            clock,
            permits: Semaphore::new(FETCHES),
            changes: watch::Sender::new(()),
        };
        let certificates = Self { shared: Arc::new(shared) };
        (certificates.clone(), Renewals { certificates })
    }

    /// What becomes of `identity`'s certificate, from now on. Asking again for an identity that is kept gives another
    /// watch of the same state; dropping the last one forgets it.
    #[must_use]
    pub fn want(&self, identity: &Identity) -> watch::Receiver<State> {
        let mut entries = self.shared.entries();
        if let Some(entry) = entries.get(identity) {
            return entry.states.subscribe();
        }
        let (states, receiver) = watch::channel(State::Waiting { problem: None });
        entries.insert(identity.clone(), CertificateEntry { states: Arc::new(states), kept: false });
        drop(entries);
        self.shared.wanted.notify_one();
        receiver
    }

    /// Every identity's state for the controller, in the identities' order.
    #[must_use]
    pub fn reports(&self) -> Vec<CertificateReport> {
        let entries = self.shared.entries();
        let mut reports: Vec<_> =
            entries.iter().map(|(identity, entry)| entry.states.borrow().report(identity)).collect();
        drop(entries);
        reports.sort_by(|a, b| a.identity.cmp(&b.identity));
        reports
    }

    /// Tells whenever [`reports`](Self::reports) has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.shared.changes.subscribe()
    }
}

impl Renewals {
    /// Fetches and renews with `signer` until it is dropped; never returns.
    pub async fn run<S: Signer>(self, signer: S) {
        let shared = &self.certificates.shared;
        let signer = Arc::new(signer);
        let mut keepers = JoinSet::new();
        loop {
            for (identity, states) in shared.unkept() {
                keepers.spawn(Keeper::new(identity, states, Arc::clone(shared), Arc::clone(&signer)).run());
            }
            tokio::select! {
                () = shared.wanted.notified() => {}
                Some(ended) = keepers.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the renewal of a certificate broke off");
                    }
                }
            }
        }
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<Identity, CertificateEntry>> {
        // No code under the lock can panic half-way through a change.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries that no keeper looks after yet; from now on one does.
    fn unkept(&self) -> Vec<(Identity, Arc<watch::Sender<State>>)> {
        let mut entries = self.entries();
        entries
            .iter_mut()
            .filter(|(_, entry)| !entry.kept)
            .map(|(identity, entry)| {
                entry.kept = true;
                (identity.clone(), Arc::clone(&entry.states))
            })
            .collect()
    }

    /// Forgets an identity unless somebody has asked for it again. Subscribing happens under the same lock.
    fn forget_unwatched(&self, identity: &Identity) -> bool {
        let mut entries = self.entries();
        let unwatched = entries.get(identity).is_none_or(|entry| entry.states.receiver_count() == 0);
        if unwatched {
            entries.remove(identity);
        }
        drop(entries);
        if unwatched {
            self.changes.send_replace(());
        }
        unwatched
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
