//! The resources of one type, and what differs between two such sets.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::log::Log;
use super::{Entry, Version};

/// Names of entries by a text that several may have.
type NamesBy = RedBlackTreeSetSync<(Arc<str>, Arc<str>)>;

/// Resources of one type. A clone is cheap: what two views have in common is shared.
#[derive(Debug, Clone, Default)]
pub struct View {
    entries: RedBlackTreeMapSync<Arc<str>, Arc<Entry>>,
    version: Version,
    by_alias: NamesBy,
    by_service: NamesBy,
    log: Log,
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

impl View {
    /// A view of these, with no past; of two with one name the last stays.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let mut view = Self::default();
        entries.into_iter().for_each(|entry| view.set(entry));
        view
    }

    /// Takes changes in, as one step of the log; false when they say nothing new.
    pub(super) fn apply(&mut self, changes: Changes) -> bool {
        let mut names = Vec::new();
        for name in changes.removed {
            if self.remove(&name) {
                names.push(name);
            }
        }
        for entry in changes.set {
            if self.find(entry.name()).is_none_or(|before| before.version() != entry.version()) {
                names.push(Arc::clone(entry.name()));
                self.set(entry);
            }
        }
        let is_new = !names.is_empty();
        if is_new {
            self.log.add(names);
        }
        is_new
    }

    fn set(&mut self, entry: Arc<Entry>) {
        self.remove(entry.name());
        self.version = self.version.with(entry.version());
        for alias in entry.aliases() {
            self.by_alias.insert_mut((Arc::clone(alias), Arc::clone(entry.name())));
        }
        for service in entry.services() {
            self.by_service.insert_mut((Arc::clone(service), Arc::clone(entry.name())));
        }
        self.entries.insert_mut(Arc::clone(entry.name()), entry);
    }

    fn remove(&mut self, name: &str) -> bool {
        let Some(entry) = self.entries.get(name).cloned() else { return false };
        self.version = self.version.without(entry.version());
        for alias in entry.aliases() {
            self.by_alias.remove_mut(&(Arc::clone(alias), Arc::clone(entry.name())));
        }
        for service in entry.services() {
            self.by_service.remove_mut(&(Arc::clone(service), Arc::clone(entry.name())));
        }
        self.entries.remove_mut(name)
    }

    /// Sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// Those whose name begins so, sorted.
    pub fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Arc<Entry>> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let entries = self.entries.range::<str, _>(from).map(|(_, entry)| entry);
        entries.take_while(move |entry| entry.name().starts_with(prefix))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.size()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Hash of all entries.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The entry of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.get(name)
    }

    /// The entry of that name, or else the entries that have it as an alias.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Vec<&Arc<Entry>> {
        match self.find(name) {
            Some(entry) => vec![entry],
            None => self.named_by(&self.by_alias, name).collect(),
        }
    }

    /// The entries that serve the service of that resource name.
    pub fn serving(&self, service: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.named_by(&self.by_service, service)
    }

    fn named_by<'a>(
        &'a self,
        names: &'a NamesBy,
        text: &str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let text: Arc<str> = text.into();
        let from = (Arc::clone(&text), Arc::from(""));
        let pairs = names.range(from..).take_while(move |(by, _)| *by == text);
        pairs.filter_map(|(_, name)| self.entries.get(&**name))
    }

    /// Names that may differ since `earlier`, a view that this one has come from; none when that is too long ago to know.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Option<Vec<&Arc<str>>> {
        let names = self.log.since(earlier.log.last())?;
        // Views with no common past.
        if names.is_empty() && earlier.version != self.version {
            return None;
        }
        Some(names.into_iter().collect())
    }

    /// What a client that has `self` must be told to have `next`, if only these names may differ.
    pub fn changes_of<'a>(&self, names: impl IntoIterator<Item = &'a Arc<str>>, next: &Self) -> Changes {
        let mut changes = Changes::default();
        for name in names {
            match (self.find(name), next.find(name)) {
                (before, Some(entry)) if before.is_none_or(|it| it.version() != entry.version()) => {
                    changes.set.push(Arc::clone(entry));
                }
                (Some(_), None) => changes.removed.push(Arc::clone(name)),
                (_, Some(_)) | (None, None) => {}
            }
        }
        changes
    }

    /// What a client that has `self` must be told to have `next`.
    #[must_use]
    pub fn changes_to(&self, next: &Self) -> Changes {
        let mut changes = Changes::default();
        let mut old = self.entries().peekable();
        let mut new = next.entries().peekable();
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
            set: self.entries().filter(|entry| !is_held(entry)).cloned().collect(),
            removed: held
                .keys()
                .filter(|name| self.find(name).is_none())
                .map(|name| (*name).into())
                .collect(),
        }
    }
}
