//! The trust bundle: how the roots travel to the nodes, and which nodes are known to have them.

use std::collections::{BTreeMap, BTreeSet};

use karez_api::settings::TrustBundle;
use prost::Message;

use crate::ca::{Roots, Standing, Timestamp, Witnesses};
use crate::catalog::{Reader, ResourceType, Version};
use crate::leadership::Leadership;
use crate::node_health::NodeHealthReader;
use crate::nodes::Nodes;

/// The resource of these roots, named by the trust domain, encoded.
#[must_use]
pub(crate) fn encode(trust_domain: &str, roots: &Roots) -> Vec<u8> {
    // Sorted: a root that changes its phase and nothing else is no change of the bundle.
    let mut roots: Vec<String> = roots.all().map(|(_, root)| root.pem().to_owned()).collect();
    roots.sort();
    TrustBundle { trust_domain: trust_domain.to_owned(), roots }.encode_to_vec()
}

/// Sees what nodes acknowledged.
#[derive(Debug, Clone)]
pub struct BundleWitness {
    /// Who acknowledged what.
    pub nodes: Nodes,
    /// What is served at present.
    pub catalog: Reader,
    /// Which replicas there are.
    pub leadership: Leadership,
    /// Which nodes are lost.
    pub node_health: NodeHealthReader,
}

impl BundleWitness {
    /// The version of the trust bundles as they are served, if what is served are these roots.
    fn served(&self, roots: &Roots) -> Option<Version> {
        let present = self.catalog.borrow().clone()?;
        let bundles = present.view(ResourceType::TrustBundle);
        let serves = |entry: &crate::catalog::Entry| {
            entry.version() == Version::of(entry.name(), &encode(entry.name(), roots))
        };
        bundles.entries().next().is_some_and(|entry| serves(entry)).then(|| bundles.version())
    }
}

impl Witnesses for BundleWitness {
    fn standings(&self, roots: &Roots) -> BTreeMap<String, Standing> {
        let served = self.served(roots);
        let records = self.nodes.records();
        let standing = |(name, record): (&String, &crate::nodes::NodeRecord)| {
            let standing = match served {
                Some(version) => record.standing(version),
                None if record.is_connected() => Standing::Pending,
                None => Standing::Away,
            };
            (name.clone(), standing)
        };
        // A node that left without a word is judged by its certificates alone.
        records.iter().map(standing).filter(|(_, standing)| *standing != Standing::Away).collect()
    }

    fn lost_at(&self, node: &str) -> Option<Timestamp> {
        self.node_health.lost_at(node)
    }

    /// A Pod on a lost node stays in the API, and says nothing any more.
    fn peers(&self, now: Timestamp) -> BTreeSet<String> {
        let is_lost = |node: &str| self.node_health.lost_at(node).is_some_and(|lost_at| lost_at <= now);
        let live = self.leadership.peers().into_iter().filter(|(_, node)| !is_lost(node));
        live.map(|(name, _)| name).collect()
    }
}
