//! What the mesh is at present, ready for the wire: resources by type and name, each with a version that is a hash of its
//! content.
//!
//! One writer takes changes in; everyone else reads [`Snapshot`]s through a watch. The maps are persistent, so a snapshot costs
//! what changed, and each type has a numbered [`log`] of its last changes: who has seen one snapshot finds what came since
//! without comparing two meshes.

mod aliases;
mod entry;
mod log;
mod resource_type;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

pub use entry::{Entry, Version};
pub use resource_type::ResourceType;
pub use view::{Changes, View};

/// All resources at one moment. A clone is cheap.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    version: Version,
    views: BTreeMap<ResourceType, Arc<View>>,
}

impl Snapshot {
    /// Hash of all that is in it: the same content has the same version in another controller.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The resources of one type.
    #[must_use]
    pub fn view(&self, resource_type: ResourceType) -> Arc<View> {
        self.views.get(&resource_type).map(Arc::clone).unwrap_or_default()
    }

    /// Takes changes of one type in. What did not change stays shared with other snapshots.
    pub fn apply(&mut self, resource_type: ResourceType, changes: Changes) {
        if Arc::make_mut(self.views.entry(resource_type).or_default()).apply(changes) {
            let versions = ResourceType::ALL.map(|it| self.views.get(&it).map(|view| view.version()));
            self.version = Version::of_all(versions.map(Option::unwrap_or_default));
        }
    }
}

/// Reads the catalog. There is nothing to read until the objects have been seen once: a node that comes back to a
/// controller that has just started must not be told that its mesh is empty.
pub type Reader = watch::Receiver<Option<Arc<Snapshot>>>;

/// The catalog's one writer.
#[derive(Debug)]
pub struct Catalog {
    next: Snapshot,
    current: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Catalog {
    /// A catalog with nothing in it yet.
    #[must_use]
    pub fn new() -> (Self, Reader) {
        let (current, reader) = watch::channel(None);
        (Self { next: Snapshot::default(), current }, reader)
    }

    /// Takes changes of one type in, unseen until [`Self::publish`].
    pub fn apply(&mut self, resource_type: ResourceType, changes: Changes) {
        self.next.apply(resource_type, changes);
    }

    /// Makes all that was taken in the present, and returns it. Readers are woken only when something differs.
    pub fn publish(&mut self) -> Arc<Snapshot> {
        let before = self.current.borrow().clone();
        match before {
            Some(before) if before.version == self.next.version => before,
            _ => {
                let next = Arc::new(self.next.clone());
                self.current.send_replace(Some(Arc::clone(&next)));
                next
            }
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::Resources;
