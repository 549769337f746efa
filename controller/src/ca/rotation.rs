//! Which root signs, which ones are trusted, and when that changes. Pure.
//!
//! ```text
//! Stable ── rotate ──> Announced ── every live node and agent knows it ──> Signing, the old one retiring ── its last leaf expired ──> Stable
//! ```
//!
//! A root is in the trust bundle before the first certificate is signed under it, and stays there until the last one has
//! expired; so no two proxies ever meet of which one does not trust the other's root.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Root, RootCertificate, Timestamp};

/// Roots that may retire at the same time: rotations can follow each other faster than certificates expire.
const MAX_RETIRING: usize = 4;
/// A signature may be under way while the signing root changes.
const SIGNING_SLACK: Duration = Duration::from_secs(1);

/// The roots of the mesh, each in its phase. It is what the state file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Roots {
    signing: Root,
    /// The longest that certificates of the signing root may live.
    longest_leaf: Duration,
    announced: Option<Announced>,
    retiring: Vec<Retiring>,
}

/// Trusted, and to sign once every live node knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Announced {
    root: Root,
    since: Timestamp,
    #[serde(default)]
    distribution: Distribution,
}

/// How far an announced root is on its way to those who know roots from the ConfigMap alone, such as agents.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
enum Distribution {
    /// There is no ConfigMap.
    #[default]
    None,
    /// The ConfigMap is to hold the root; from then on it takes so long.
    Unpublished { takes: Duration },
    /// It has arrived everywhere by then.
    Until(Timestamp),
}

/// Trusted until the last certificate that it signed has expired. Its key is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Retiring {
    root: RootCertificate,
    until: Timestamp,
}

/// What a root does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Signs.
    Signing,
    /// Is in the trust bundle, so that it can sign soon.
    Announced,
    /// Is in the trust bundle still.
    Retiring,
}

/// A rotation cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnderWay {
    /// One has not come to signing yet.
    #[error(
        "a rotation is under way: its root is announced and does not sign yet; karez status says whom it waits for, and karez ca rotate \
         --force goes on without them"
    )]
    Announced,
    /// Too many old roots have certificates that live on.
    #[error("{MAX_RETIRING} old roots are retiring: wait until the certificates of one have expired")]
    Retiring,
}

/// No root waits to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no root waits to sign: begin a rotation with karez ca rotate")]
pub struct NotUnderWay;

/// A node that may hold certificates of the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it knows of the trust bundle.
    pub standing: Standing,
    /// While it is away it counts until then: its last certificate expires, or it is lost.
    pub counts_until: Timestamp,
}

/// What a node is known to know of the trust bundle as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It has acknowledged it.
    Acknowledged,
    /// It is connected and follows it, and has not acknowledged it.
    Pending,
    /// It is connected and does not follow the bundle: it learns of roots with its next certificates.
    Unsubscribed,
    /// It is not connected; while its certificates live, so may the node, unless it is known to be lost.
    Away,
}

/// What an announced root waits for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// A connected node's acknowledgement.
    #[error("node {node} to acknowledge the trust bundle")]
    Acknowledgement {
        /// The node.
        node: String,
    },
    /// A node that does not follow the bundle.
    #[error("node {node}, which does not follow the trust bundle, to renew its certificates by {until}")]
    Renewal {
        /// The node.
        node: String,
        /// One leaf lifetime after the announcement.
        until: Timestamp,
    },
    /// Another replica of the controller.
    #[error(
        "replica {replica} of the controller to say which of its nodes have acknowledged the trust bundle"
    )]
    Replica {
        /// The name of its Pod.
        replica: String,
    },
    /// The ConfigMap with the roots.
    #[error("ConfigMap karez-roots to hold the new root")]
    Publication,
    /// Agents, which know roots from that ConfigMap alone.
    #[error("kubelets to bring ConfigMap karez-roots to every agent, by {until}")]
    Distribution {
        /// When it has been there for long enough.
        until: Timestamp,
    },
    /// A node that may still be there.
    #[error("node {node} to come back, until {until}: then it counts no longer")]
    Return {
        /// The node.
        node: String,
        /// When it does not count any longer.
        until: Timestamp,
    },
}

impl Roots {
    /// One root and nothing else. Certificates live for `longest_leaf` at most.
    #[must_use]
    pub fn new(signing: Root, longest_leaf: Duration) -> Self {
        Self { signing, longest_leaf, announced: None, retiring: Vec::new() }
    }

    /// The root that signs.
    #[must_use]
    pub fn signing(&self) -> &Root {
        &self.signing
    }

    /// All roots that are trusted, with what they do: the one that signs first.
    pub fn all(&self) -> impl Iterator<Item = (Phase, &RootCertificate)> {
        let announced = self.announced.iter().map(|it| (Phase::Announced, it.root.certificate()));
        let retiring = self.retiring.iter().map(|it| (Phase::Retiring, &it.root));
        std::iter::once((Phase::Signing, self.signing.certificate())).chain(announced).chain(retiring)
    }

    /// When the root with that fingerprint leaves the bundle, if it is retiring.
    #[must_use]
    pub fn retires(&self, fingerprint: &str) -> Option<Timestamp> {
        self.retiring.iter().find(|it| it.root.fingerprint() == fingerprint).map(|it| it.until)
    }

    /// Whether a root waits to sign, or one to be dropped.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        self.announced.is_some() || !self.retiring.is_empty()
    }

    /// Takes note that certificates may live for `lifetime`: a shorter one than before does not shorten those that exist.
    pub fn allow_lifetime(&mut self, lifetime: Duration) {
        self.longest_leaf = self.longest_leaf.max(lifetime);
    }

    /// Begins a rotation.
    ///
    /// # Errors
    /// When one is under way.
    pub fn announce(&mut self, root: Root, now: Timestamp) -> Result<(), UnderWay> {
        if self.announced.is_some() {
            return Err(UnderWay::Announced);
        }
        if self.retiring.len() >= MAX_RETIRING {
            return Err(UnderWay::Retiring);
        }
        self.announced = Some(Announced { root, since: now, distribution: Distribution::None });
        Ok(())
    }

    /// Lets the announced root wait for a ConfigMap, which takes so long to arrive everywhere.
    pub fn await_distribution(&mut self, takes: Duration) {
        if let Some(announced) = &mut self.announced {
            announced.distribution = Distribution::Unpublished { takes };
        }
    }

    /// The ConfigMap holds the root with that fingerprint. Answers whether that is news of the announced one.
    pub fn note_published(&mut self, fingerprint: &str, now: Timestamp) -> bool {
        match &mut self.announced {
            Some(Announced { root, distribution, .. }) if root.certificate().fingerprint() == fingerprint => {
                let Distribution::Unpublished { takes } = *distribution else { return false };
                *distribution = Distribution::Until(now.after(takes));
                true
            }
            _ => false,
        }
    }

    /// What the announced root waits for; nothing when none is announced.
    #[must_use]
    pub fn waits(&self, now: Timestamp, nodes: &[Node]) -> Vec<Wait> {
        let Some(announced) = &self.announced else { return Vec::new() };
        let renewed = announced.since.after(self.longest_leaf);
        let nodes = nodes.iter().filter_map(|node| wait_for(node, now, renewed));
        nodes.chain(announced.distribution.wait(now)).collect()
    }

    /// The root that waits to sign.
    #[must_use]
    pub fn announced(&self) -> Option<&RootCertificate> {
        self.announced.as_ref().map(|announced| announced.root.certificate())
    }

    /// Drops roots whose certificates have all expired. Answers whether there was one.
    pub fn drop_expired(&mut self, now: Timestamp) -> bool {
        let before = self.retiring.len();
        self.retiring.retain(|retiring| now < retiring.until);
        self.retiring.len() < before
    }

    /// Takes whatever step is due. Answers whether there was one.
    pub fn advance(&mut self, now: Timestamp, nodes: &[Node], leaf_lifetime: Duration) -> bool {
        let dropped = self.drop_expired(now);
        let signs = self.waits(now, nodes).is_empty() && self.sign_with_announced(now, leaf_lifetime).is_ok();
        signs || dropped
    }

    /// Lets the announced root sign, whoever does not know it yet.
    ///
    /// # Errors
    /// When none is announced.
    pub fn sign_with_announced(
        &mut self,
        now: Timestamp,
        leaf_lifetime: Duration,
    ) -> Result<(), NotUnderWay> {
        let announced = self.announced.take().ok_or(NotUnderWay)?;
        let until = now.after(self.longest_leaf).after(SIGNING_SLACK);
        let old = std::mem::replace(&mut self.signing, announced.root);
        // Nothing that it signed outlives it.
        let until = until.min(old.certificate().not_after());
        self.retiring.push(Retiring { root: old.certificate().clone(), until });
        self.longest_leaf = leaf_lifetime;
        Ok(())
    }
}

impl Distribution {
    fn wait(self, now: Timestamp) -> Option<Wait> {
        match self {
            Self::None => None,
            Self::Unpublished { .. } => Some(Wait::Publication),
            Self::Until(until) => (now < until).then_some(Wait::Distribution { until }),
        }
    }
}

/// What there is to wait for with one node, if anything.
fn wait_for(node: &Node, now: Timestamp, renewed: Timestamp) -> Option<Wait> {
    let name = node.name.clone();
    match node.standing {
        Standing::Acknowledged => None,
        Standing::Pending => Some(Wait::Acknowledgement { node: name }),
        Standing::Unsubscribed => (now < renewed).then_some(Wait::Renewal { node: name, until: renewed }),
        Standing::Away => {
            let until = node.counts_until;
            (now < until).then_some(Wait::Return { node: name, until })
        }
    }
}

#[cfg(test)]
mod tests;
