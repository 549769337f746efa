//! The last good version of each object, and which objects are unreadable.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_resources::manifest::{Broken, Reading};
use karez_resources::mesh::{MESH_NAME, MeshSpec};
use karez_resources::{Key, Kind, Problem, Resource};

mod entitlement;
mod source;

use source::Source;

pub use entitlement::Entitlement;

/// All objects, by the file that holds them. Where several files hold one object, that of the first file by name counts that
/// has a good version of it.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    sources: BTreeMap<String, Source>,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The last good version.
    pub(crate) good: Option<Arc<Resource>>,
    /// Why the present version is not it.
    pub(crate) broken: Option<Broken>,
}

impl Objects {
    /// Replaces what a file holds.
    ///
    /// A broken object keeps its last good version. Objects that are no longer in the file go, unless the file holds
    /// something that cannot be identified: that may be any of them, so they stay until it is mended.
    pub fn load(&mut self, file: &str, readings: Vec<Reading>) {
        let before = self.sources.remove(file).unwrap_or_default();
        self.sources.insert(file.to_owned(), before.followed_by(readings));
    }

    /// Forgets a file that is gone, and all that it held.
    pub fn unload(&mut self, file: &str) {
        self.sources.remove(file);
    }

    /// The files that were loaded, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The objects that a file holds, whether it counts or not, and whether there is a good version of each.
    pub fn held_by(&self, file: &str) -> impl Iterator<Item = (&Key, bool)> {
        let source = self.sources.get(file);
        source.into_iter().flat_map(Source::entries).map(|(key, entry)| (key, entry.good.is_some()))
    }

    /// The file whose version of an object counts.
    #[must_use]
    pub fn file_of(&self, key: &Key) -> Option<&str> {
        self.counting(key).map(|(file, _)| file)
    }

    /// The last good version of an object.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<&Arc<Resource>> {
        self.entry(key)?.good.as_ref()
    }

    /// What the mesh's settings say; their defaults when there is no `Mesh`.
    #[must_use]
    pub fn mesh(&self) -> MeshSpec {
        match self.find(&Key::new(Kind::Mesh, "", MESH_NAME)).map(Arc::as_ref) {
            Some(Resource::Mesh(mesh)) => mesh.spec.clone(),
            _ => MeshSpec::default(),
        }
    }

    fn entry(&self, key: &Key) -> Option<&Entry> {
        self.counting(key).map(|(_, entry)| entry)
    }

    fn counting(&self, key: &Key) -> Option<(&str, &Entry)> {
        let held = self.sources.iter().filter_map(|(file, source)| Some((file.as_str(), source.entry(key)?)));
        // Of equals, the first.
        held.min_by_key(|(_, entry)| entry.good.is_none())
    }

    /// Every object that counts, with its file, by key.
    pub(crate) fn entries(&self) -> BTreeMap<&Key, (&str, &Entry)> {
        let mut entries = BTreeMap::new();
        for (file, key, entry) in self.all_entries() {
            let (_, counting) = entries.entry(key).or_insert((file, entry));
            if counting.good.is_none() && entry.good.is_some() {
                entries.insert(key, (file, entry));
            }
        }
        entries
    }

    /// Objects that do not count, because another file holds them too; with both files.
    pub(crate) fn shadowed(&self) -> Vec<(&str, &Key, &Entry, &str)> {
        let counting = self.entries();
        let shadowed = self.all_entries().filter_map(|(file, key, entry)| {
            let (other, _) = counting.get(key).filter(|(counts, _)| *counts != file)?;
            Some((file, key, entry, *other))
        });
        shadowed.collect()
    }

    /// What is wrong in a file and belongs to no entry of it; true when objects were kept because of it.
    pub(crate) fn strays(&self) -> impl Iterator<Item = (&str, &Problem, bool)> {
        self.sources.iter().flat_map(|(file, source)| {
            source.strays().map(move |(problem, kept)| (file.as_str(), problem, kept))
        })
    }

    fn all_entries(&self) -> impl Iterator<Item = (&str, &Key, &Entry)> {
        self.sources
            .iter()
            .flat_map(|(file, source)| source.entries().map(move |(key, entry)| (file.as_str(), key, entry)))
    }
}

#[cfg(test)]
mod tests;
