//! What a source says of one object.

use std::sync::Arc;

use karez_resources::policy::Selector;
use karez_resources::{Key, Problem, Resource};

/// News of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// The object is there and good.
    Set {
        /// What it says.
        resource: Arc<Resource>,
        /// The file that holds it; none on a cluster.
        file: Option<Arc<str>>,
    },
    /// The object is there and cannot be read. What it was [`Set`](Self::Set) to before stays in force, or else the
    /// [last good version](Broken::last_good) that it brings; where there is neither, it refuses what its kind may have closed.
    Unreadable {
        /// Its name.
        key: Key,
        /// What is wrong.
        broken: Box<Broken>,
        /// The file that holds it; none on a cluster.
        file: Option<Arc<str>>,
    },
    /// There is no such object any more. Of one that nobody knows it says nothing.
    Gone(Key),
}

/// What is known of an object that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// What is wrong, and in which field.
    pub problem: Problem,
    /// Of a policy: the Pods that it covers, when that much can be read. Without it the policy covers its namespace.
    pub selector: Option<Selector>,
    /// What it was before, as its status keeps it: for who has not seen that.
    pub last_good: Option<Arc<Resource>>,
}

impl Delta {
    /// A good object of a cluster.
    #[must_use]
    pub fn set(resource: Resource) -> Self {
        Self::Set { resource: Arc::new(resource), file: None }
    }

    /// An object of a cluster that cannot be read.
    #[must_use]
    pub fn unreadable(key: Key, problem: Problem, selector: Option<Selector>) -> Self {
        Self::Unreadable { key, broken: Box::new(Broken { problem, selector, last_good: None }), file: None }
    }

    /// The object that it is about.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Set { resource, .. } => resource.key(),
            Self::Unreadable { key, .. } | Self::Gone(key) => key.clone(),
        }
    }
}
