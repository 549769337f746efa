//! Objects that stand twice in one file.

use std::collections::HashSet;

use crate::manifest::{Broken, Reading, Subject};
use crate::problem::Problem;
use crate::resource::Key;

/// The objects that a file has named so far.
#[derive(Debug, Default)]
pub(super) struct Named {
    keys: HashSet<Key>,
}

impl Named {
    /// What becomes of a file's next object: it is broken if one of that name stands before it.
    pub(super) fn next(&mut self, reading: Reading) -> Reading {
        let key = match &reading {
            Reading::Good(resource) => resource.key(),
            // Of another group, most likely: it is none of ours that only is called so.
            Reading::Broken(broken) if broken.problem.field == "apiVersion" => return reading,
            Reading::Broken(broken) => match &broken.subject {
                Subject::Known(key) => key.clone(),
                _ => return reading,
            },
            Reading::Ignored(_) => return reading,
        };
        match self.keys.insert(key.clone()) {
            true => reading,
            false => Reading::Broken(Box::new(doubled(key, reading))),
        }
    }
}

fn doubled(key: Key, reading: Reading) -> Broken {
    let problem = match reading {
        Reading::Broken(broken) => broken.problem,
        Reading::Good(_) | Reading::Ignored(_) => Problem {
            kind: key.kind.to_string(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            field: "metadata.name".to_owned(),
            line: None,
            message: "another object of this file has this name: give one of them another, or remove it"
                .to_owned(),
        },
    };
    Broken { problem, subject: Subject::Doubled(key), selector: None }
}
