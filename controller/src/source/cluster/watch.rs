//! The watch of one kind.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use karez_process::log_limit::LogLimiter;
use karez_resources::Key;
use karez_translate::Delta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc::error::SendError;
use tracing::{info, warn};

use super::Unlisted;
use super::listing::Listing;
use super::observed::{Observed, Watched, has_status};
use crate::conditions::{Sighting, SightingSender};
use crate::source::{Batch, Sender};

/// Events that go into one batch when they wait together.
const MOST_EVENTS: usize = 1000;
/// Before a kind that the cluster does not have is looked for again.
const MISSING_PAUSE: Duration = Duration::from_secs(5);
/// Between two lines in the log about a watch that fails.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);
/// The answer of an API server that does not have the kind.
const NOT_FOUND: u16 = 404;

/// Follows one kind for somebody else than the mesh.
pub(super) trait Observer: Send {
    /// Takes the news in; `listed` says that every object has been seen.
    fn observe(&mut self, deltas: &[Delta], listed: bool);
}

/// Watches one kind.
pub(super) struct KindWatch<K> {
    objects: Api<Observed<K>>,
    batches: Sender,
    /// None once this kind has been listed.
    unlisted: Option<Unlisted>,
    observer: Option<Box<dyn Observer>>,
    sightings: SightingSender,
    listing: Listing,
    complaints: LogLimiter,
}

/// What events say.
#[derive(Debug, Default)]
struct Seen {
    deltas: Vec<Delta>,
    /// Of a kind that has a status of ours.
    sightings: Vec<Sighting>,
    /// Every object of the kind has been seen once.
    listed: bool,
    /// The cluster does not have the kind.
    is_missing: bool,
}

impl Seen {
    fn gone(&mut self, key: Key) {
        if has_status(key.kind) {
            self.sightings.push(Sighting::Gone(key.clone()));
        }
        self.deltas.push(Delta::Gone(key));
    }
}

impl<K: Watched> KindWatch<K> {
    /// Sends what it sees to `batches`.
    pub(super) fn new(
        client: &Client,
        batches: &Sender,
        unlisted: Unlisted,
        observer: Option<Box<dyn Observer>>,
        sightings: SightingSender,
    ) -> Self {
        Self {
            objects: Api::all(client.clone()),
            batches: batches.clone(),
            unlisted: Some(unlisted),
            observer,
            sightings,
            listing: Listing::default(),
            complaints: LogLimiter::one_each(COMPLAIN_EVERY),
        }
    }

    /// Watches until nobody takes batches any longer.
    pub(super) async fn run(mut self) {
        let events = watcher(self.objects.clone(), watcher::Config::default()).default_backoff();
        let mut events = pin!(events.ready_chunks(MOST_EVENTS));
        while let Some(events) = events.next().await {
            let seen = self.see(events);
            let is_missing = seen.is_missing;
            if self.send(seen).await.is_err() {
                return;
            }
            if is_missing {
                tokio::time::sleep(MISSING_PAUSE).await;
            }
        }
    }

    fn see(&mut self, events: Vec<Result<Event<Observed<K>>, watcher::Error>>) -> Seen {
        let mut seen = Seen::default();
        for event in events {
            match event {
                Ok(event) => self.take(event, &mut seen),
                Err(error) => self.failed(&error, &mut seen),
            }
        }
        if let Some(observer) = &mut self.observer {
            observer.observe(&seen.deltas, seen.listed);
        }
        seen
    }

    fn take(&mut self, event: Event<Observed<K>>, seen: &mut Seen) {
        match event {
            Event::Init => self.listing.begin(),
            Event::InitApply(object) | Event::Apply(object) => {
                self.listing.seen(&object.key());
                if has_status(K::KIND) {
                    seen.sightings.push(object.sighting());
                }
                seen.deltas.push(object.delta());
            }
            Event::Delete(object) => {
                let key = object.key();
                self.listing.gone(&key);
                seen.gone(key);
            }
            Event::InitDone => {
                self.listing.end().into_iter().for_each(|key| seen.gone(key));
                seen.listed = true;
            }
        }
    }

    /// The stream of events goes on by itself, after a pause.
    fn failed(&mut self, error: &watcher::Error, seen: &mut Seen) {
        let kind = K::KIND;
        if is_not_found(error) {
            // A kind that is not installed has no objects, and nothing waits for it.
            if self.unlisted.is_some() {
                let api_version = kind.api_version();
                info!(%kind, api_version, "the cluster does not have this kind: it is watched once it has");
            }
            seen.listed = true;
            seen.is_missing = true;
        } else if let Some(left_out) = self.complaints.allow() {
            warn!(%kind, %error, left_out, "the watch is interrupted: what is known of these objects stays in force");
        }
    }

    /// That everything has been listed is said after the last list is on its way, whichever watch is the last.
    async fn send(&mut self, seen: Seen) -> Result<(), SendError<Batch>> {
        let Seen { deltas, sightings, listed, .. } = seen;
        if !deltas.is_empty() {
            let generations = sightings.iter().map(Sighting::generation).collect();
            self.batches.send(Batch { deltas, generations, ..Batch::default() }).await?;
        }
        for sighting in sightings {
            // Nobody writes statuses while the controller stops.
            let _ = self.sightings.send(sighting).await;
        }
        let unlisted = self.unlisted.take_if(|_| listed);
        if unlisted.is_some_and(|unlisted| unlisted.listed()) {
            self.batches.send(Batch { complete: true, ..Batch::default() }).await?;
        }
        Ok(())
    }
}

fn is_not_found(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == NOT_FOUND,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
