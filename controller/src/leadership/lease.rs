//! The Lease by which replicas find their leader.
//!
//! As client-go's leader election has it: whoever sees the Lease unchanged for its whole duration takes it, by this machine's clock
//! alone, and each write names the version that it was made from, so that of two replicas one succeeds. A leader trusts its own
//! term for less than that duration, counted from before the write that renewed it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use karez_api::names::object;
use karez_process::log_limit::LogLimiter;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::Leadership;
use crate::callers::OwnPodsReader;

/// How long a Lease that nobody renews counts.
const DURATION: Duration = Duration::from_secs(15);
/// How long a leader trusts a term: well under [`DURATION`], so that it stops before another begins.
const TERM: Duration = Duration::from_secs(10);
/// How often it is renewed, or looked at.
const INTERVAL: Duration = Duration::from_secs(2);
/// For one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between two lines in the log about a Lease that cannot be read or written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);
/// What the API server answers when another replica was faster.
const CONFLICT: u16 = 409;

/// Takes part in the election.
pub struct Candidate {
    leases: Api<Lease>,
    identity: String,
    term: watch::Sender<Option<Instant>>,
    observed: Option<Observed>,
    complaints: LogLimiter,
}

/// The Lease as it was last seen to change.
#[derive(Debug)]
struct Observed {
    version: Option<String>,
    since: Instant,
}

/// What a candidate does about the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// It is this candidate's: renew it.
    Renew,
    /// It is nobody's, or nobody renews it: take it.
    Take,
    /// It is another's.
    Wait,
}

impl Candidate {
    /// In a namespace, under the name of its Pod; the other replicas are among `pods`.
    #[must_use]
    pub fn new(client: Client, namespace: &str, identity: &str, pods: OwnPodsReader) -> (Self, Leadership) {
        let (term, reader) = watch::channel(None);
        let candidate = Self {
            leases: Api::namespaced(client, namespace),
            identity: identity.to_owned(),
            term,
            observed: None,
            complaints: LogLimiter::one_each(COMPLAIN_EVERY),
        };
        (candidate, Leadership::of_replica(identity, reader, pods))
    }

    /// Stands for election until `stop`, and then gives the Lease back.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = self.stand() => {}
            () = stop => {}
        }
        if self.term.send_replace(None).is_some() {
            // Without it the next leader waits a while longer.
            let _ = timeout(TIMEOUT, self.release()).await;
        }
    }

    async fn stand(&mut self) {
        let mut rounds = tokio::time::interval(INTERVAL);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            match timeout(TIMEOUT, self.round()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.complain(&error.to_string()),
                Err(_) => self.complain("no answer of the API server"),
            }
        }
    }

    async fn round(&mut self) -> Result<(), kube::Error> {
        let began = Instant::now();
        let Some(lease) = self.leases.get_opt(object::LEASE).await? else {
            let created = self.leases.create(&PostParams::default(), &self.new_lease()).await;
            return self.written(created, began);
        };
        let unchanged = self.observe(&lease, began);
        match next_move(&lease, &self.identity, unchanged) {
            Move::Wait => {
                self.ends();
                Ok(())
            }
            Move::Renew => self.write(lease, began, false).await,
            Move::Take => self.write(lease, began, true).await,
        }
    }

    /// For how long the Lease has not changed.
    fn observe(&mut self, lease: &Lease, now: Instant) -> Duration {
        let version = lease.resource_version();
        match &self.observed {
            Some(observed) if observed.version == version => now.duration_since(observed.since),
            _ => {
                self.observed = Some(Observed { version, since: now });
                Duration::ZERO
            }
        }
    }

    async fn write(&mut self, mut lease: Lease, began: Instant, takes: bool) -> Result<(), kube::Error> {
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        let now = MicroTime(Timestamp::now());
        if takes {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = Some(seconds(DURATION));
        spec.renew_time = Some(now);
        // With the version that was read: of two writers one fails.
        let written = self.leases.replace(object::LEASE, &PostParams::default(), &lease).await;
        self.written(written, began)
    }

    fn written(&mut self, written: Result<Lease, kube::Error>, began: Instant) -> Result<(), kube::Error> {
        match written {
            Ok(_) => {
                if self.term.send_replace(Some(began + TERM)).is_none() {
                    info!(identity = self.identity, "this replica leads");
                }
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == CONFLICT => {
                self.ends();
                Ok(())
            }
            // The term ends by itself unless a later round succeeds.
            Err(error) => Err(error),
        }
    }

    /// The Lease is another's, or was written by another just now.
    fn ends(&self) {
        if self.term.send_replace(None).is_some() {
            warn!(identity = self.identity, "another replica holds the Lease: this one leads no longer");
        }
    }

    async fn release(&self) -> Result<(), kube::Error> {
        let mut lease = self.leases.get(object::LEASE).await?;
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if spec.holder_identity.as_ref() == Some(&self.identity) {
            spec.holder_identity = None;
            self.leases.replace(object::LEASE, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    fn new_lease(&self) -> Lease {
        let now = MicroTime(Timestamp::now());
        let mut lease = Lease::default();
        lease.metadata.name = Some(object::LEASE.to_owned());
        lease.spec = Some(LeaseSpec {
            acquire_time: Some(now.clone()),
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds(DURATION)),
            lease_transitions: Some(0),
            renew_time: Some(now),
            ..LeaseSpec::default()
        });
        lease
    }

    fn complain(&self, error: &str) {
        if let Some(left_out) = self.complaints.allow() {
            warn!(
                error,
                left_out,
                lease = object::LEASE,
                "the Lease cannot be read or written: without it this replica does not lead"
            );
        }
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate").field("identity", &self.identity).finish_non_exhaustive()
    }
}

fn next_move(lease: &Lease, identity: &str, unchanged: Duration) -> Move {
    let spec = lease.spec.clone().unwrap_or_default();
    let duration = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let duration = duration.map_or(DURATION, Duration::from_secs);
    match spec.holder_identity.as_deref() {
        None | Some("") => Move::Take,
        Some(holder) if holder == identity => Move::Renew,
        Some(_) if unchanged >= duration => Move::Take,
        Some(_) => Move::Wait,
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
