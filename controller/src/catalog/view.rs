//! The resources of one type, and what differs between two such sets.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{Entry, ResourceType, Version};

/// Entries by a text that several may have.
type Index = BTreeMap<String, Vec<Arc<Entry>>>;

/// Resources of one type, sorted by name.
#[derive(Debug)]
pub struct View {
    entries: Vec<Arc<Entry>>,
    version: Version,
    // Built for the first client that asks by name: those that follow everything never need it.
    by_alias: OnceLock<Index>,
    // Likewise.
    by_service: OnceLock<Index>,
}

/// What turns one view into another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New, or of another version.
    pub set: Vec<Arc<Entry>>,
    /// Names that are gone.
    pub removed: Vec<Arc<str>>,
}

impl Changes {
    /// Nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

impl Default for View {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl View {
    /// A view of these; of two with one name the first stays.
    #[must_use]
    pub fn new(mut entries: Vec<Arc<Entry>>) -> Self {
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        entries.dedup_by(|later, first| later.name() == first.name());
        let version = Version::of_all(entries.iter().map(|entry| entry.version()));
        Self { entries, version, by_alias: OnceLock::new(), by_service: OnceLock::new() }
    }

    /// The view that follows. Entries that did not change are shared; with no change at all it is `self`.
    #[must_use]
    pub fn succeed(
        self: &Arc<Self>,
        resource_type: ResourceType,
        bodies: BTreeMap<String, Vec<u8>>,
    ) -> Arc<Self> {
        let shared = |(name, body): (String, Vec<u8>)| match self.find(&name) {
            Some(old) if old.version() == Version::of(&name, &body) => Arc::clone(old),
            _ => Arc::new(Entry::new(resource_type, &name, body)),
        };
        let next = Self::new(bodies.into_iter().map(shared).collect());
        if next.version == self.version { Arc::clone(self) } else { Arc::new(next) }
    }

    /// Sorted by name.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Hash of all entries.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The entry of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        let at = self.entries.binary_search_by(|entry| (**entry.name()).cmp(name)).ok()?;
        self.entries.get(at)
    }

    /// The entry of that name, or else the entries that have it as an alias.
    #[must_use]
    pub fn resolve(&self, name: &str) -> &[Arc<Entry>] {
        match self.find(name) {
            Some(entry) => std::slice::from_ref(entry),
            None => {
                let index = self.by_alias.get_or_init(|| self.index(Entry::aliases));
                index.get(name).map_or(&[], Vec::as_slice)
            }
        }
    }

    /// The entries that serve the service of that resource name.
    #[must_use]
    pub fn serving(&self, service: &str) -> &[Arc<Entry>] {
        let index = self.by_service.get_or_init(|| self.index(Entry::services));
        index.get(service).map_or(&[], Vec::as_slice)
    }

    fn index(&self, keys: impl Fn(&Entry) -> &[String]) -> Index {
        let mut index = Index::new();
        for entry in &self.entries {
            for key in keys(entry) {
                index.entry(key.clone()).or_default().push(Arc::clone(entry));
            }
        }
        index
    }

    /// What a client that has `self` must be told to have `next`.
    #[must_use]
    pub fn changes_to(&self, next: &Self) -> Changes {
        let mut changes = Changes::default();
        let mut old = self.entries.iter().peekable();
        let mut new = next.entries.iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.name().cmp(new.name()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return changes,
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            match (gone, come) {
                (Some(gone), Some(come)) if gone.version() == come.version() => {}
                (_, Some(come)) => changes.set.push(Arc::clone(come)),
                (Some(gone), None) => changes.removed.push(Arc::clone(gone.name())),
                (None, None) => return changes,
            }
        }
    }

    /// What a client must be told that says it has these versions: names with the versions that it was sent.
    #[must_use]
    pub fn changes_from<'a>(&self, held: impl IntoIterator<Item = (&'a str, &'a str)>) -> Changes {
        let held: BTreeMap<&str, &str> = held.into_iter().collect();
        let is_held = |entry: &Entry| {
            held.get(&**entry.name()).is_some_and(|version| version.parse() == Ok(entry.version()))
        };
        Changes {
            set: self.entries.iter().filter(|entry| !is_held(entry)).cloned().collect(),
            removed: held
                .keys()
                .filter(|name| self.find(name).is_none())
                .map(|name| (*name).into())
                .collect(),
        }
    }
}
