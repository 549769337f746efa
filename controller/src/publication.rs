//! Takes in what the source sends and puts what it makes into the catalog: the one place where what users wrote becomes what
//! nodes are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use karez_resources::Key;
use karez_translate::{Index, Options, Pods, Report};
use rpds::RedBlackTreeMapSync;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::ca::State;
use crate::catalog::{Catalog, Changes, Entry, ResourceType};
use crate::metrics::Metrics;
use crate::source::{self, Batch};
use crate::trust_bundle;

/// Batches that are taken in at one time, if so many wait.
const MOST_BATCHES: usize = 64;

/// Of each object that has a status, the generation that was taken in last.
pub type Generations = RedBlackTreeMapSync<Key, i64>;

/// What is known beside the catalog.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// The mesh's trust domain.
    pub trust_domain: String,
    /// Every Pod that runs or will; none until the source has seen everything once.
    pub pods: Option<Pods>,
    /// What is wrong, sorted.
    pub problems: Arc<[Report]>,
    /// What the problems are about.
    pub generations: Generations,
}

/// Writes the catalog.
#[derive(Debug)]
pub struct Publication {
    source: source::Receiver,
    authority: watch::Receiver<Arc<State>>,
    index: Index,
    catalog: Catalog,
    metrics: Metrics,
    /// The source has seen everything once.
    complete: bool,
    /// What is wrong with the source itself.
    source_problems: Vec<Report>,
    /// What is wrong, sorted.
    problems: Arc<[Report]>,
    generations: Generations,
    logged: BTreeSet<Report>,
    /// The trust bundle that is in the catalog.
    bundle: Option<Arc<Entry>>,
    published: watch::Sender<Arc<Published>>,
}

impl Publication {
    /// From `source` and the roots of `authority` to `catalog`.
    #[must_use]
    pub fn new(
        source: source::Receiver,
        authority: watch::Receiver<Arc<State>>,
        catalog: Catalog,
        options: Options,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Arc<Published>>) {
        let (published, reader) = watch::channel(Arc::default());
        let publication = Self {
            source,
            authority,
            index: Index::new(options),
            catalog,
            metrics,
            complete: false,
            source_problems: Vec::new(),
            problems: Arc::default(),
            generations: Generations::default(),
            logged: BTreeSet::new(),
            bundle: None,
            published,
        };
        (publication, reader)
    }

    /// Publishes whenever the objects or the roots change; until one of the two is gone.
    pub async fn run(mut self) {
        let mut batches = Vec::new();
        loop {
            tokio::select! {
                count = self.source.recv_many(&mut batches, MOST_BATCHES) => if count == 0 { return },
                changed = self.authority.changed() => if changed.is_err() { return },
            }
            let taken = std::mem::take(&mut batches);
            // A change of the whole mesh takes long enough to hold up others.
            let publishing = tokio::task::spawn_blocking(move || {
                self.publish(taken);
                self
            });
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let Ok(publication) = publishing.await else { return };
            self = publication;
        }
    }

    /// Takes batches in and makes what they change the present.
    fn publish(&mut self, batches: Vec<Batch>) {
        let mut deltas = Vec::new();
        let mut told = false;
        for batch in batches {
            deltas.extend(batch.deltas);
            self.complete |= batch.complete;
            self.note_generations(batch.generations);
            if let Some(problems) = batch.problems {
                self.source_problems = problems;
                told = true;
            }
        }
        self.index.load(deltas);
        if self.complete {
            let changes = self.index.apply([]);
            told |= changes.problems;
            for (resource_type, changes) in by_type(changes) {
                self.catalog.apply(resource_type, changes);
            }
        }
        if told {
            self.renew_problems();
        }
        if self.complete {
            self.serve();
        } else if told {
            let problems = Arc::clone(&self.problems);
            self.published.send_modify(|published| {
                *published = Arc::new(Published { problems, ..Published::clone(published) });
            });
        }
    }

    fn note_generations(&mut self, generations: Vec<(Key, Option<i64>)>) {
        for (key, generation) in generations {
            match generation {
                Some(generation) => self.generations.insert_mut(key, generation),
                None => {
                    self.generations.remove_mut(&key);
                }
            }
        }
    }

    /// Who may have certificates is known before anybody is told of whom to have them.
    fn serve(&mut self) {
        let trust_domain = self.index.mesh().trust_domain().to_owned();
        self.renew_bundle(&trust_domain);
        let pods = self.index.pods().clone();
        // At once: a problem belongs to the generations beside it.
        let (problems, generations) = (Arc::clone(&self.problems), self.generations.clone());
        let published = Published { trust_domain, pods: Some(pods), problems, generations };
        self.published.send_replace(Arc::new(published));
        let present = self.catalog.publish();
        self.metrics.published(&present);
    }

    fn renew_bundle(&mut self, trust_domain: &str) {
        let state = Arc::clone(&self.authority.borrow_and_update());
        let body = trust_bundle::encode(trust_domain, &state.roots);
        let bundle = Entry::new(ResourceType::TrustBundle, trust_domain, body);
        if self.bundle.as_deref() == Some(&bundle) {
            return;
        }
        let bundle = Arc::new(bundle);
        let before = self.bundle.replace(Arc::clone(&bundle));
        let gone = before.map(|before| Arc::clone(before.name())).filter(|name| name != bundle.name());
        let changes = Changes { set: vec![bundle], removed: gone.into_iter().collect() };
        self.catalog.apply(ResourceType::TrustBundle, changes);
    }

    fn renew_problems(&mut self) {
        let mut problems = self.index.problems();
        problems.extend(self.source_problems.iter().cloned());
        problems.sort();
        self.metrics.problems(problems.len());
        self.log(&problems);
        self.problems = problems.into();
    }

    /// Each problem is logged once when it comes, and once when it goes.
    fn log(&mut self, problems: &[Report]) {
        let present: BTreeSet<Report> = problems.iter().cloned().collect();
        for report in present.difference(&self.logged) {
            let Report { source, problem, effect } = report;
            warn!(file = source, %problem, serves = %effect, "an object cannot be used as it is written");
        }
        for report in self.logged.difference(&present) {
            info!(file = report.source, problem = %report.problem, "no longer a problem");
        }
        self.logged = present;
    }
}

fn by_type(changes: karez_translate::Changes) -> BTreeMap<ResourceType, Changes> {
    let mut by_type: BTreeMap<ResourceType, Changes> = BTreeMap::new();
    // The translation knows no other types; one that it gains is served once it is named there.
    for (name, body) in changes.set {
        if let Some(resource_type) = ResourceType::of_url(name.type_url) {
            let entry = Arc::new(Entry::new(resource_type, name.name, body));
            by_type.entry(resource_type).or_default().set.push(entry);
        }
    }
    for name in changes.removed {
        if let Some(resource_type) = ResourceType::of_url(name.type_url) {
            by_type.entry(resource_type).or_default().removed.push(name.name);
        }
    }
    by_type
}

#[cfg(test)]
mod tests;
