//! Maps a key to all objects that have it.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use rpds::HashTrieMapSync;

/// A persistent map from a key to its objects, the latest first. The lists are short: a change copies the one it
/// touches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index<K: Eq + Hash, V> {
    lists: HashTrieMapSync<K, Arc<[Arc<V>]>>,
}

impl<K: Eq + Hash, V> Index<K, V> {
    pub(crate) fn all<Q>(&self, key: &Q) -> &[Arc<V>]
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.lists.get(key).map_or(&[], |list| list)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(crate) fn lists(&self) -> impl Iterator<Item = &[Arc<V>]> {
        self.lists.values().map(|list| &**list)
    }

    /// Removes `old` from the lists of its keys and adds `new` to its own. Under a shared key `new` takes the place of
    /// `old`, because it has held the key since then.
    pub(crate) fn replace(
        &mut self,
        old: Option<&Arc<V>>,
        new: Option<&Arc<V>>,
        keys: impl Fn(&V) -> Vec<K>,
    ) {
        let after = new.map(|object| keys(object)).unwrap_or_default();
        if let Some(old) = old {
            for key in keys(old).into_iter().filter(|key| !after.contains(key)) {
                self.edit(key, |list| list.retain(|held| !Arc::ptr_eq(held, old)));
            }
        }
        let Some(new) = new else { return };
        for key in after {
            self.edit(key, |list| {
                let place = list.iter_mut().find(|held| old.is_some_and(|old| Arc::ptr_eq(held, old)));
                match place {
                    Some(held) => *held = Arc::clone(new),
                    None => list.insert(0, Arc::clone(new)),
                }
            });
        }
    }

    fn edit(&mut self, key: K, change: impl FnOnce(&mut Vec<Arc<V>>)) {
        let mut list = self.all(&key).to_vec();
        change(&mut list);
        if list.is_empty() {
            self.lists.remove_mut(&key);
        } else {
            self.lists.insert_mut(key, list.into());
        }
    }
}

impl<K: Eq + Hash, V> Default for Index<K, V> {
    fn default() -> Self {
        Self { lists: HashTrieMapSync::new_sync() }
    }
}

#[cfg(test)]
mod tests;
