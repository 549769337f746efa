//! Fetches and renews one identity's certificate for as long as anyone watches it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use karez_api::identity::Identity;
use rcgen::KeyPair;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bundle::{Bundles, TrustBundle};
use crate::certificates::Shared;
use crate::certificates::answer::{self, Answer};
use crate::certificates::schedule::Schedule;
use crate::certificates::signer::Signer;
use crate::certificates::state::{FetchError, State};
use crate::credential::Credential;

pub(super) struct Keeper<S> {
    identity: Identity,
    states: Arc<watch::Sender<State>>,
    shared: Arc<Shared>,
    signer: Arc<S>,
    bundles: watch::Receiver<Bundles>,
    schedule: Schedule,
    current: Option<CurrentCertificate>,
    problem: Option<Arc<FetchError>>,
}

/// The newest certificate.
struct CurrentCertificate {
    credential: Arc<Credential>,
    /// The roots that came with it, for a trust domain that discovery brings none for.
    answered: Arc<TrustBundle>,
    /// It verifies under the roots that peers verify it with.
    rooted: bool,
}

type Fetch = Pin<Box<dyn Future<Output = Result<(KeyPair, Vec<String>), FetchError>> + Send>>;

impl<S: Signer> Keeper<S> {
    pub(super) fn new(
        identity: Identity,
        states: Arc<watch::Sender<State>>,
        shared: Arc<Shared>,
        signer: Arc<S>,
    ) -> Self {
        let bundles = shared.bundles.clone();
        let schedule = Schedule::new(shared.clock.now());
        Self { identity, states, shared, signer, bundles, schedule, current: None, problem: None }
    }

    pub(super) async fn run(mut self) {
        let mut fetch: Option<Fetch> = None;
        loop {
            let now = self.shared.clock.now();
            if fetch.is_none() && self.schedule.is_due(now) {
                fetch = Some(self.fetch());
            }
            self.publish(now);
            let nap = self.schedule.sleep(now, fetch.is_some());
            tokio::select! {
                () = self.states.closed() => {
                    if self.shared.forget_unwatched(&self.identity) {
                        return;
                    }
                }
                Ok(()) = self.bundles.changed() => self.take_bundle(),
                fetched = in_flight(&mut fetch) => {
                    fetch = None;
                    self.settle(fetched);
                }
                () = sleep(nap) => {}
            }
        }
    }

    /// Asks once; waits for its turn among the node's identities.
    fn fetch(&self) -> Fetch {
        let (identity, signer, shared) =
            (self.identity.clone(), Arc::clone(&self.signer), Arc::clone(&self.shared));
        Box::pin(async move {
            // The semaphore is never closed; if it were, asking out of turn is better than not asking.
            let _turn = shared.permits.acquire().await.ok();
            let (key, csr) = answer::request(&identity)?;
            let entries = signer.sign(&identity, csr).await?;
            Ok((key, entries))
        })
    }

    fn settle(&mut self, fetched: Result<(KeyPair, Vec<String>), FetchError>) {
        let now = self.shared.clock.now();
        let random = fastrand::u64(..);
        match fetched.and_then(|(key, entries)| self.accept(&key, &entries, now)) {
            Ok(current) => {
                let not_after = current.credential.not_after();
                tracing::debug!(identity = %self.identity, "certificate issued");
                self.schedule.issued(now, not_after, random);
                self.current = Some(current);
                self.problem = None;
            }
            Err(problem) => {
                tracing::warn!(identity = %self.identity, %problem, "no certificate: will ask again");
                self.schedule.failed(now, random);
                self.problem = Some(Arc::new(problem));
            }
        }
    }

    fn accept(
        &self,
        key: &KeyPair,
        entries: &[String],
        now: SystemTime,
    ) -> Result<CurrentCertificate, FetchError> {
        let Answer { issued, roots } = answer::read(&self.identity, key, entries)?;
        let answered = Arc::new(roots);
        let bundle = self.bundle_or(&answered);
        answer::verify(&issued, &bundle, now)?;
        let credential = Arc::new(Credential::new(issued, bundle, &self.shared.clock)?);
        Ok(CurrentCertificate { credential, answered, rooted: true })
    }

    /// New roots: the same certificate with other configurations, unless its own root is gone.
    fn take_bundle(&mut self) {
        let Some(current) = &self.current else { return };
        let bundle = self.bundle_or(&current.answered);
        if Arc::ptr_eq(&bundle, current.credential.bundle()) {
            return;
        }
        let now = self.shared.clock.now();
        let issued = current.credential.issued().clone();
        let rooted = answer::verify(&issued, &bundle, now).is_ok();
        match Credential::new(issued, bundle, &self.shared.clock) {
            Ok(credential) => {
                let answered = Arc::clone(&current.answered);
                self.current =
                    Some(CurrentCertificate { credential: Arc::new(credential), answered, rooted });
                if !rooted {
                    self.schedule.void(now);
                }
            }
            Err(error) => self.problem = Some(Arc::new(error.into())),
        }
    }

    /// Discovery's roots of this trust domain, or else those that the CA answered.
    fn bundle_or(&self, answered: &Arc<TrustBundle>) -> Arc<TrustBundle> {
        Arc::clone(self.bundles.borrow().find(self.identity.trust_domain()).unwrap_or(answered))
    }

    fn publish(&self, now: SystemTime) {
        let state = self.state(now);
        let changed = self.states.send_if_modified(|published| {
            let differs = !published.says_the_same(&state);
            if differs {
                *published = state;
            }
            differs
        });
        if changed {
            self.shared.changes.send_replace(());
        }
    }

    fn state(&self, now: SystemTime) -> State {
        let problem = self.problem.clone();
        match &self.current {
            None => State::Waiting { problem },
            Some(current) if now > current.credential.not_after() => {
                State::Expired { not_after: current.credential.not_after(), problem }
            }
            Some(current) if !current.rooted => {
                State::Unrooted { not_after: current.credential.not_after(), problem }
            }
            Some(current) => State::Ready { credential: Arc::clone(&current.credential), problem },
        }
    }
}

/// The answer of the attempt that is under way; pending for ever while there is none.
async fn in_flight(fetch: &mut Option<Fetch>) -> Result<(KeyPair, Vec<String>), FetchError> {
    match fetch {
        Some(fetch) => fetch.await,
        None => std::future::pending().await,
    }
}
