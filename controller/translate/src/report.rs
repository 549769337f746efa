//! What the operator is told.

use std::fmt;

use karez_resources::{Key, Problem};

/// A problem, where it is, and what serves meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    /// The file that holds the object; empty on a cluster.
    pub source: String,
    /// What is wrong.
    pub problem: Problem,
    /// What serves in the object's place.
    pub effect: Effect,
}

/// What serves in the place of an object that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The version before.
    LastGoodVersion,
    /// What it governs is refused until it is mended.
    Refused,
    /// The object itself, but what cannot be enforced is taken on the strict side.
    Stricter,
    /// The object as it is written, which may be a mistake.
    AsWritten,
    /// The object itself, without what this field asks for.
    AllButField,
    /// Nothing: it is as if it were not there.
    Nothing,
}

impl Effect {
    /// In the words that `karez status` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastGoodVersion => "last good version",
            Self::Refused => "refused",
            Self::Stricter => "stricter than written",
            Self::AsWritten => "as written",
            Self::AllButField => "all but this field",
            Self::Nothing => "nothing",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem of an object as a whole.
#[must_use]
pub fn whole_object(key: &Key, message: &str) -> Problem {
    Problem {
        kind: key.kind.to_string(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        field: String::new(),
        line: None,
        message: message.to_owned(),
    }
}
