//! The text of single objects: of a file with something broken in it, what is good can be kept by itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{MOST_DOCUMENTS, Reading, expand, split, yaml};
use crate::document;
use crate::resource::Key;

/// The good objects of a file by key, each as a document of its own. Of two with one key the first counts.
///
/// A file of these, joined by [`join`], reads as just these objects.
#[must_use]
pub fn good_objects(file: &[u8]) -> BTreeMap<Key, String> {
    let pieces = split::documents(file).take(MOST_DOCUMENTS);
    let values = pieces.filter_map(|piece| yaml::parse(piece.bytes).ok().flatten());
    let objects = values.flat_map(|value| expand(value, "")).filter_map(|(_, value)| good(value));
    let mut by_key = BTreeMap::new();
    for (key, text) in objects {
        by_key.entry(key).or_insert(text);
    }
    by_key
}

fn good(value: Value) -> Option<(Key, String)> {
    let text = value.to_string();
    match document::read(value) {
        Reading::Good(resource) => Some((resource.key(), text)),
        Reading::Ignored(_) | Reading::Broken(_) => None,
    }
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
