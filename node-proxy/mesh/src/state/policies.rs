//! Policies by name and by what they cover.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use super::index::Index;
use crate::object::policy::{Policy, PolicyName, Scope};

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policies {
    by_name: HashTrieMapSync<PolicyName, Arc<Policy>>,
    of_mesh: Index<(), Policy>,
    of_namespace: Index<Arc<str>, Policy>,
}

impl Policies {
    pub(crate) fn get(&self, name: &PolicyName) -> Option<&Arc<Policy>> {
        self.by_name.get(name)
    }

    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Arc<Policy>> {
        self.by_name.values()
    }

    /// The policies that cover a workload of `namespace` which lists `selecting`.
    ///
    /// Skips a name without a policy: the policy may arrive later or be gone already. An unreadable policy is held, so
    /// it is not skipped.
    pub(crate) fn covering<'a>(
        &'a self,
        namespace: &'a str,
        selecting: &'a [PolicyName],
    ) -> impl Iterator<Item = &'a Arc<Policy>> {
        let of_all = self.of_mesh.all(&()).iter().chain(self.of_namespace.all(namespace));
        let selected = selecting.iter().filter_map(|name| self.get(name));
        of_all.chain(selected.filter(|policy| !policy.covers_all_of(namespace)))
    }

    /// Replaces `old` by `new`, a policy of the same name.
    pub(crate) fn replace(&mut self, old: Option<&Arc<Policy>>, new: Option<&Arc<Policy>>) {
        self.of_mesh
            .replace(old, new, |policy| (policy.scope == Scope::Mesh).then_some(()).into_iter().collect());
        self.of_namespace.replace(old, new, |policy| {
            (policy.scope == Scope::Namespace)
                .then(|| Arc::clone(&policy.name.namespace))
                .into_iter()
                .collect()
        });
        if let Some(old) = old {
            self.by_name.remove_mut(&old.name);
        }
        if let Some(new) = new {
            self.by_name.insert_mut(new.name.clone(), Arc::clone(new));
        }
    }
}
