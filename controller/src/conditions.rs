//! The status of Karez's own kinds: the condition `Accepted`, which says what became of what the user wrote, and the last spec that
//! could be read, by which a replica that starts later knows what is in force.
//!
//! * [`objects`] – pure: the objects, and which of them is due to be written
//! * [`verdict`] – pure: what the condition is to say
//!
//! Every replica follows the objects and what is published of them; the one that leads writes, object after object, where the
//! condition is another than it should be.

mod objects;
mod verdict;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use karez_process::log_limit::LogLimiter;
use karez_resources::mesh::Mesh;
use karez_resources::policy::AuthorizationPolicy;
use karez_resources::{Key, Kind};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::cluster_client::ClusterClient;
use crate::leadership::Leadership;
use crate::publication::Published;
use objects::{Objects, StatusChange};

/// Sightings that may wait.
const QUEUE: usize = 256;
/// How often conditions are written: what is published follows the objects, a little later.
const SETTLE: Duration = Duration::from_millis(500);
/// For one write.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two lines in the log about statuses that cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);

/// An object of a kind with a status, as the watch saw it.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// It is there.
    There {
        /// Its name.
        key: Key,
        /// Its generation.
        generation: i64,
        /// Its condition, if it has one.
        condition: Option<Condition>,
        /// Its spec, as JSON, if it can be read.
        good_spec: Option<Arc<str>>,
        /// The last good spec that its status keeps.
        last_good_spec: Option<Arc<str>>,
    },
    /// It is there no longer.
    Gone(Key),
}

impl Sighting {
    /// The object's generation; none of one that has gone.
    #[must_use]
    pub fn generation(&self) -> (Key, Option<i64>) {
        match self {
            Self::There { key, generation, .. } => (key.clone(), Some(*generation)),
            Self::Gone(key) => (key.clone(), None),
        }
    }
}

/// Where watches send what they see.
pub type SightingSender = mpsc::Sender<Sighting>;

/// Writes conditions.
#[derive(Debug)]
pub struct ConditionWriter {
    client: ClusterClient,
    sightings: mpsc::Receiver<Sighting>,
    published: watch::Receiver<Arc<Published>>,
    leadership: Leadership,
    objects: Objects,
    complaints: LogLimiter,
}

/// The queue between the watches and the writer.
#[must_use]
pub fn channel() -> (SightingSender, mpsc::Receiver<Sighting>) {
    mpsc::channel(QUEUE)
}

impl ConditionWriter {
    /// From what is seen and published, while this replica leads.
    #[must_use]
    pub fn new(
        client: Client,
        sightings: mpsc::Receiver<Sighting>,
        published: watch::Receiver<Arc<Published>>,
        leadership: Leadership,
    ) -> Self {
        Self {
            client: ClusterClient(client),
            sightings,
            published,
            leadership,
            objects: Objects::default(),
            complaints: LogLimiter::one_each(COMPLAIN_EVERY),
        }
    }

    /// Runs until the watches are gone.
    pub async fn run(mut self) {
        let mut sightings = Vec::new();
        let mut look = tokio::time::interval(SETTLE);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut led = false;
        loop {
            tokio::select! {
                count = self.sightings.recv_many(&mut sightings, QUEUE) => {
                    if count == 0 {
                        return;
                    }
                    sightings.drain(..).for_each(|sighting| self.objects.see(sighting));
                }
                changed = self.published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.judge();
                }
                _ = look.tick() => {
                    let leads = self.leadership.is_leading();
                    if leads && !std::mem::replace(&mut led, leads) {
                        // What the leader before has left undone.
                        self.objects.look_at_all();
                    }
                    led = leads;
                    if leads {
                        self.write_waiting().await;
                    }
                }
            }
        }
    }

    fn judge(&mut self) {
        let published = Arc::clone(&self.published.borrow_and_update());
        self.objects.judge(&published);
    }

    /// The watches are not held up meanwhile: a slow API server must not delay what policies do.
    async fn write_waiting(&mut self) {
        let mut sightings = Vec::new();
        while let Some((key, change)) = self.objects.next_due(Instant::now()) {
            let written = {
                let mut writing = pin!(timeout(TIMEOUT, write(&self.client.0, &key, &change)));
                loop {
                    tokio::select! {
                        written = &mut writing => break written,
                        count = self.sightings.recv_many(&mut sightings, QUEUE) => {
                            sightings.drain(..).for_each(|sighting| self.objects.see(sighting));
                            if count == 0 {
                                return;
                            }
                        }
                    }
                }
            };
            match written {
                Ok(Ok(())) => self.objects.written(&key, change),
                Ok(Err(error)) => self.failed(key, &error.to_string()),
                Err(_) => self.failed(key, "no answer of the API server"),
            }
            if !self.leadership.is_leading() {
                return;
            }
        }
    }

    fn failed(&mut self, key: Key, error: &str) {
        if let Some(left_out) = self.complaints.allow() {
            warn!(object = %key, error, left_out, "the status cannot be written: it is tried again");
        }
        self.objects.failed(key, Instant::now());
    }
}

async fn write(client: &Client, key: &Key, change: &StatusChange) -> Result<(), kube::Error> {
    let status = json!({"status": change.status()});
    let (change, parameters) = (Patch::Merge(&status), PatchParams::default());
    // Of no type of ours: an object that cannot be read has a status above all.
    let objects: Api<DynamicObject> = match key.kind {
        Kind::AuthorizationPolicy => {
            let policies = ApiResource::erase::<AuthorizationPolicy>(&());
            Api::namespaced_with(client.clone(), &key.namespace, &policies)
        }
        Kind::Mesh => Api::all_with(client.clone(), &ApiResource::erase::<Mesh>(&())),
        // No other kind has a status of ours.
        _ => return Ok(()),
    };
    let written = objects.patch_status(&key.name, &parameters, &change).await.map(drop);
    match written {
        // It has gone meanwhile.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other,
    }
}
