//! Translates the inventory and puts the result into the catalog: the one place where what users wrote becomes what nodes
//! are sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use karez_translate::{Objects, Options, PodPlacement, Report, Translation, translate};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::ca::{Roots, State};
use crate::catalog::{Catalog, ResourceType, Resources};
use crate::inventory::{Inventory, Reader};
use crate::metrics::Metrics;
use crate::trust_bundle;

/// What the operator is told of the last translation.
#[derive(Debug, Default)]
pub struct Published {
    /// The mesh's trust domain.
    pub trust_domain: String,
    /// Every Pod that runs or will.
    pub pods: Vec<PodPlacement>,
    /// What is wrong, sorted.
    pub problems: Vec<Report>,
}

/// Writes the catalog.
#[derive(Debug)]
pub struct Publication {
    inventory: Reader,
    authority: watch::Receiver<Arc<State>>,
    options: Options,
    catalog: Catalog,
    metrics: Metrics,
    translated: Option<(Arc<Inventory>, Arc<Translation>)>,
    logged: BTreeSet<Report>,
    published: watch::Sender<Arc<Published>>,
}

impl Publication {
    /// From `inventory` and the roots of `authority` to `catalog`.
    #[must_use]
    pub fn new(
        inventory: Reader,
        authority: watch::Receiver<Arc<State>>,
        catalog: Catalog,
        options: Options,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Arc<Published>>) {
        let (published, reader) = watch::channel(Arc::default());
        let publication = Self {
            inventory,
            authority,
            options,
            catalog,
            metrics,
            translated: None,
            logged: BTreeSet::new(),
            published,
        };
        (publication, reader)
    }

    /// Publishes whenever the objects or the roots change; until both are gone.
    pub async fn run(mut self) {
        loop {
            // Translating a big mesh takes long enough to hold up others.
            let publishing = tokio::task::spawn_blocking(move || {
                self.publish();
                self
            });
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let Ok(publication) = publishing.await else { return };
            self = publication;
            let changed = tokio::select! {
                changed = self.inventory.changed() => changed,
                changed = self.authority.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    fn publish(&mut self) {
        let inventory = Arc::clone(&self.inventory.borrow_and_update());
        let state = Arc::clone(&self.authority.borrow_and_update());
        let mut published = match &inventory.objects {
            Some(objects) => self.serve(&inventory, objects, &state.roots),
            // What keeps them from being read is told all the same.
            None => Published::default(),
        };
        published.problems.extend(inventory.unreadable.iter().cloned());
        self.metrics.problems(published.problems.len());
        self.log(&published.problems);
        self.published.send_replace(Arc::new(published));
    }

    /// Fills the catalog.
    fn serve(&mut self, inventory: &Arc<Inventory>, objects: &Objects, roots: &Roots) -> Published {
        let translation = self.translate(inventory, objects);
        let trust_domain = objects.mesh().trust_domain().to_owned();
        let mut resources = resources(&translation);
        let bundle = trust_bundle::encode(&trust_domain, roots);
        resources.entry(ResourceType::TrustBundle).or_default().insert(trust_domain.clone(), bundle);
        let present = self.catalog.replace(resources);
        self.metrics.published(&present);
        Published { trust_domain, pods: translation.pods.clone(), problems: translation.problems.clone() }
    }

    /// The translation of the inventory's objects: the last one, when only the roots have changed.
    fn translate(&mut self, inventory: &Arc<Inventory>, objects: &Objects) -> Arc<Translation> {
        match &self.translated {
            Some((known, translation)) if Arc::ptr_eq(known, inventory) => Arc::clone(translation),
            _ => {
                let translation = Arc::new(translate(objects, &self.options));
                self.translated = Some((Arc::clone(inventory), Arc::clone(&translation)));
                translation
            }
        }
    }

    /// Each problem is logged once when it comes, and once when it goes.
    fn log(&mut self, problems: &[Report]) {
        let present: BTreeSet<Report> = problems.iter().cloned().collect();
        for report in present.difference(&self.logged) {
            let Report { source, problem, effect } = report;
            warn!(file = source, %problem, serves = %effect, "a manifest cannot be used as it is written");
        }
        for report in self.logged.difference(&present) {
            info!(file = report.source, problem = %report.problem, "no longer a problem");
        }
        self.logged = present;
    }
}

fn resources(translation: &Translation) -> Resources {
    let mut resources = Resources::new();
    for (name, body) in &translation.resources {
        // The translation knows no other types; one that it gains is served once it is named there.
        if let Some(resource_type) = ResourceType::of_url(name.type_url) {
            resources.entry(resource_type).or_default().insert(name.name.clone(), body.clone());
        }
    }
    resources
}

#[cfg(test)]
mod tests;
