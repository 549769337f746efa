//! Manifests as deltas, as a folder's are at first sight.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_resources::manifest::{self, Reading, Subject};
use karez_translate::{Broken, Delta};

/// The objects of files. Of two with one key the first good one counts.
pub(crate) fn deltas(files: &[(&str, &[u8])]) -> Vec<Delta> {
    let mut deltas = BTreeMap::new();
    for (name, text) in files {
        for delta in manifest::read(text).into_iter().filter_map(|reading| delta(name, reading)) {
            let known = deltas.entry(delta.key()).or_insert_with(|| delta.clone());
            if matches!(known, Delta::Unreadable { .. }) && matches!(delta, Delta::Set { .. }) {
                *known = delta;
            }
        }
    }
    deltas.into_values().collect()
}

fn delta(file: &str, reading: Reading) -> Option<Delta> {
    let file = Some(Arc::from(file));
    match reading {
        Reading::Good(resource) => Some(Delta::Set { resource: Arc::from(resource), file }),
        Reading::Broken(broken) => match broken.subject {
            Subject::Known(key) | Subject::Presumed(key) | Subject::Guessed(key) => {
                let broken =
                    Box::new(Broken { problem: broken.problem, selector: broken.selector, last_good: None });
                Some(Delta::Unreadable { key, broken, file })
            }
            Subject::Doubled(_) | Subject::Foreign(_) | Subject::Unknown => None,
        },
        Reading::Ignored(_) => None,
    }
}
