//! What the mesh is at present, ready for the wire: resources by type and name, each with a version that is a hash of its
//! content.
//!
//! One writer replaces the [`Snapshot`]; everyone else reads it through a watch. What did not change between two snapshots
//! is shared between them, so that a difference is found by comparing pointers.

mod aliases;
mod entry;
mod resource_type;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

pub use entry::{Entry, Version};
pub use resource_type::ResourceType;
pub use view::{Changes, View};

/// Encoded messages by type and name, on their way into the catalog.
pub type Resources = BTreeMap<ResourceType, BTreeMap<String, Vec<u8>>>;

/// All resources at one moment.
#[derive(Debug, Default)]
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

    /// The value that follows: what has the same content as before is taken over from `self`.
    #[must_use]
    pub fn succeed(&self, mut resources: Resources) -> Self {
        let views: BTreeMap<_, _> = ResourceType::ALL
            .into_iter()
            .map(|kind| (kind, self.view(kind).succeed(kind, resources.remove(&kind).unwrap_or_default())))
            .collect();
        Self { version: Version::of_all(views.values().map(|view| view.version())), views }
    }
}

/// Reads the catalog. There is nothing to read until the manifests have been read once: a node that comes back to a
/// controller that has just started must not be told that its mesh is empty.
pub type Reader = watch::Receiver<Option<Arc<Snapshot>>>;

/// The catalog's one writer.
#[derive(Debug)]
pub struct Catalog {
    current: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Catalog {
    /// A catalog with nothing in it yet.
    #[must_use]
    pub fn new() -> (Self, Reader) {
        let (current, reader) = watch::channel(None);
        (Self { current }, reader)
    }

    /// Makes `resources` the present ones, and returns what is present then. Readers are woken only when something differs.
    pub fn replace(&mut self, resources: Resources) -> Arc<Snapshot> {
        let before = self.current.borrow().clone();
        let next = before.as_deref().unwrap_or(&Snapshot::default()).succeed(resources);
        match before {
            Some(before) if before.version == next.version => before,
            _ => {
                let next = Arc::new(next);
                self.current.send_replace(Some(Arc::clone(&next)));
                next
            }
        }
    }
}

#[cfg(test)]
mod tests;
