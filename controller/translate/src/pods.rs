//! Where every Pod is, and who it is: what certificates and `karez status` go by.
//!
//! The maps are persistent: a clone is cheap, and stays as it is while the index goes on.

use std::sync::Arc;

use karez_api::identity::Identity;
use karez_resources::Key;
use rpds::RedBlackTreeMapSync;

/// Which node a Pod is on, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlacement {
    /// The workload's uid: `CLUSTER_ID//Pod/NAMESPACE/NAME`.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it is bound to, once it is.
    pub node: Option<String>,
    /// Who it is; none when it has no service account, or its names make no SPIFFE id.
    pub identity: Option<Identity>,
    /// It is to be in the mesh.
    pub enrolled: bool,
    /// Ports on which strict mode admits peers without an identity.
    pub permissive_ports: Vec<u16>,
}

/// Whether a node may have certificates of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entitlement {
    /// It runs a live Pod of the identity that is to be in the mesh. One that is Pending and has no address yet counts: its
    /// certificate is wanted before its first process starts.
    Entitled,
    /// It runs such Pods, and their labels keep them out of the mesh.
    OutsideMesh {
        /// `NAMESPACE/NAME` of one.
        pod: String,
    },
    /// It runs no live Pod of the identity.
    NoPod,
}

/// Every Pod that runs or will. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    by_key: RedBlackTreeMapSync<Arc<Key>, Arc<PodPlacement>>,
    by_seat: RedBlackTreeMapSync<Seat, Seated>,
}

/// An identity on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    node: String,
    namespace: String,
    service_account: String,
}

/// The Pods of one seat, all of one namespace, by name.
type Seated = RedBlackTreeMapSync<String, Arc<PodPlacement>>;

impl Pods {
    /// By namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &PodPlacement> {
        self.by_key.values().map(Arc::as_ref)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.size()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether a node may have certificates of an identity.
    #[must_use]
    pub fn entitlement(&self, identity: &Identity, node: &str) -> Entitlement {
        let seated = self.by_seat.get(&Seat::of(identity, node));
        let pods = seated.into_iter().flat_map(Seated::values);
        let pods = pods.filter(|pod| pod.identity.as_ref() == Some(identity));
        let mut entitlement = Entitlement::NoPod;
        for pod in pods {
            if pod.enrolled {
                return Entitlement::Entitled;
            }
            entitlement = Entitlement::OutsideMesh { pod: format!("{}/{}", pod.namespace, pod.name) };
        }
        entitlement
    }

    /// Places a Pod; none takes it away.
    pub(crate) fn place(&mut self, key: &Arc<Key>, placement: Option<PodPlacement>) {
        let before = self.by_key.get(key).cloned();
        if before.as_deref() == placement.as_ref() {
            return;
        }
        if let Some(before) = before {
            self.leave(&before);
            self.by_key.remove_mut(key);
        }
        if let Some(placement) = placement.map(Arc::new) {
            self.by_key.insert_mut(Arc::clone(key), Arc::clone(&placement));
            self.sit(placement);
        }
    }

    fn sit(&mut self, placement: Arc<PodPlacement>) {
        let Some(seat) = Seat::taken_by(&placement) else { return };
        let mut seated = self.by_seat.get(&seat).cloned().unwrap_or_default();
        seated.insert_mut(placement.name.clone(), placement);
        self.by_seat.insert_mut(seat, seated);
    }

    fn leave(&mut self, placement: &PodPlacement) {
        let Some(seat) = Seat::taken_by(placement) else { return };
        let Some(seated) = self.by_seat.get_mut(&seat) else { return };
        seated.remove_mut(&placement.name);
        if seated.is_empty() {
            self.by_seat.remove_mut(&seat);
        }
    }
}

impl FromIterator<PodPlacement> for Pods {
    fn from_iter<T: IntoIterator<Item = PodPlacement>>(placements: T) -> Self {
        let mut pods = Self::default();
        for placement in placements {
            let key = Key::new(karez_resources::Kind::Pod, &placement.namespace, &placement.name);
            pods.place(&Arc::new(key), Some(placement));
        }
        pods
    }
}

impl Seat {
    fn of(identity: &Identity, node: &str) -> Self {
        Self {
            node: node.to_owned(),
            namespace: identity.namespace().to_owned(),
            service_account: identity.service_account().to_owned(),
        }
    }

    fn taken_by(placement: &PodPlacement) -> Option<Self> {
        Some(Self::of(placement.identity.as_ref()?, placement.node.as_ref()?))
    }
}
