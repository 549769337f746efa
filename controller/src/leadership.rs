//! Which replica of the controller leads: one alone takes the steps of a root's rotation and writes status.
//!
//! * [`lease`] – the Lease by which replicas of a cluster find their leader

pub mod lease;

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether this replica leads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(Term);

#[derive(Debug, Clone)]
enum Term {
    /// There are no others.
    Forever,
    /// Until then, unless it is renewed.
    Until(watch::Receiver<Option<Instant>>),
}

impl Leadership {
    /// Of a controller that has no replicas.
    #[must_use]
    pub fn alone() -> Self {
        Self(Term::Forever)
    }

    /// Of a replica that leads until the moment that `until` says.
    #[must_use]
    pub fn until(until: watch::Receiver<Option<Instant>>) -> Self {
        Self(Term::Until(until))
    }

    /// Whether it leads at this moment. A term that could not be renewed ends by itself, whatever hangs.
    #[must_use]
    pub fn is_leading(&self) -> bool {
        match &self.0 {
            Term::Forever => true,
            Term::Until(until) => until.borrow().is_some_and(|until| Instant::now() < until),
        }
    }

    /// Returns when it leads. Cancel safe.
    pub async fn leads(&mut self) {
        match &mut self.0 {
            Term::Forever => {}
            Term::Until(until) => {
                let leads = |until: &Option<Instant>| until.is_some_and(|until| Instant::now() < until);
                if until.wait_for(leads).await.is_err() {
                    // Nobody renews it any longer: the controller is stopping.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
