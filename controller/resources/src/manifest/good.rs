//! The text of single objects: of a file with something broken in it, what is good can be kept by itself.

use std::collections::BTreeMap;

use serde_json::json;

use super::{MOST_DOCUMENTS, Named, Reading, Subject, expand, split, yaml};
use crate::document;
use crate::resource::Key;

/// The good objects of a file by key, each as a document of its own; without those that stand twice in it.
///
/// A file of these, joined by [`join`], reads as just these objects.
#[must_use]
pub fn good_objects(file: &[u8]) -> BTreeMap<Key, String> {
    let pieces = split::documents(file).take(MOST_DOCUMENTS);
    let values = pieces.filter_map(|piece| yaml::parse(piece.bytes).ok().flatten());
    let mut named = Named::default();
    let mut by_key = BTreeMap::new();
    for (_, value) in values.flat_map(|value| expand(value, "")) {
        let text = value.to_string();
        match named.next(document::read(value)) {
            Reading::Good(resource) => {
                by_key.insert(resource.key(), text);
            }
            Reading::Broken(broken) => {
                if let Subject::Doubled(key) = &broken.subject {
                    by_key.remove(key);
                }
            }
            Reading::Ignored(_) => {}
        }
    }
    by_key
}

/// A document that stands for an object that could never be read, and never can be: what that refuses stays refused.
#[must_use]
pub fn never_readable(key: &Key) -> String {
    let Key { kind, namespace, name } = key;
    let value = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.as_str(),
        "metadata": {
            "namespace": namespace,
            // What could not even be named has a name in parentheses, which no object can have.
            "name": name.trim_matches(['(', ')']),
            // No kind has such a field.
            "wasNeverReadable": true,
        },
    });
    value.to_string()
}

/// A file of these documents.
#[must_use]
pub fn join(documents: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    documents.into_iter().map(|document| format!("---\n{}\n", document.as_ref())).collect()
}
