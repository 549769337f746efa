//! The line at which a field stands, sought only once something is wrong with it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::yaml;

/// Finds lines in one document; parses it once, when first asked.
pub(super) struct Locator<'a> {
    bytes: &'a [u8],
    first_line: usize,
    tree: Option<Option<Spanned<Node>>>,
}

impl<'a> Locator<'a> {
    pub(super) fn new(bytes: &'a [u8], first_line: usize) -> Self {
        Self { bytes, first_line, tree: None }
    }

    /// The line of the file at which `field` of the object at `path` stands, or of what comes nearest above it.
    pub(super) fn line(&mut self, path: &str, field: &str) -> usize {
        let bytes = self.bytes;
        // The document was parsed before, so this does not fail; if it did, the document's own line would be told.
        let parse = || {
            yaml::text(bytes)
                .ok()
                .and_then(|text| serde_saphyr::from_str_with_options(text, yaml::options()).ok())
        };
        let Some(tree) = self.tree.get_or_insert_with(parse) else { return self.first_line };
        let mut line = tree.referenced.line();
        let mut node = &tree.value;
        for step in steps(path).chain(steps(field)) {
            let Some(next) = node.child(step) else { break };
            line = next.referenced.line();
            node = &next.value;
        }
        self.first_line + usize::try_from(line).unwrap_or(1).saturating_sub(1)
    }
}

/// The steps of a path such as `spec.rules[0].from` or `metadata.labels[karez.dev/mesh]`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let parts = path
        .split('[')
        .map(|part| part.split_once(']').map_or((None, part), |(key, rest)| (Some(key), rest)));
    parts.flat_map(|(key, rest)| key.into_iter().chain(rest.split('.'))).filter(|step| !step.is_empty())
}

/// A document's shape and places.
enum Node {
    Map(Vec<(String, Spanned<Node>)>),
    List(Vec<Spanned<Node>>),
    Leaf,
}

impl Node {
    fn child(&self, step: &str) -> Option<&Spanned<Self>> {
        match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key == step).map(|(_, node)| node),
            Self::List(items) => items.get(step.parse::<usize>().ok()?),
            Self::Leaf => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}
