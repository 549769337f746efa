//! Names the objects of a document that cannot be parsed, line by line: tolerant, never trusted for more than a name.

use crate::document::Claims;
use crate::problem::shortened;
use crate::resource::Kind;

/// What `text` seems to hold; at least one object, and more than one when it is a list or a marker between documents is
/// damaged.
pub(super) fn claims(text: &str) -> Vec<Claims> {
    let whole = claims_of(text);
    if !whole.kind.ends_with("List") {
        return pieces(text, |line| line.starts_with("apiVersion:"))
            .iter()
            .map(|piece| claims_of(piece))
            .collect();
    }
    // An item in block style begins at the dash of its first key.
    const FIRST_KEYS: [&str; 3] = ["- apiVersion:", "- kind:", "- metadata:"];
    let is_first = |line: &str| FIRST_KEYS.iter().any(|key| line.trim_start().starts_with(key));
    let items = text.split_once("items:").map_or("", |(_, items)| items);
    if items.lines().any(is_first) {
        return pieces(items, is_first).iter().map(|item| claims_of(item)).collect();
    }
    // In flow style they cannot be told apart.
    vec![Claims { kind: policy_if_named(text), ..Claims::default() }]
}

fn claims_of(text: &str) -> Claims {
    let mut claims = Claims::default();
    let mut metadata = Metadata::default();
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        metadata.reach(indent);
        for (key, value) in entries(line) {
            let in_metadata = metadata.holds(indent);
            match key {
                "metadata" => metadata = Metadata { inside: true, depth: None },
                _ if value.is_empty() => {}
                "kind" if claims.kind.is_empty() => claims.kind = value,
                "apiVersion" if claims.api_version.is_empty() => claims.api_version = value,
                _ if !in_metadata => {}
                "name" if claims.name.is_empty() => claims.name = value,
                "namespace" if claims.namespace.is_none() => claims.namespace = Some(value),
                _ => {}
            }
        }
    }
    if claims.kind.is_empty() {
        claims.kind = policy_if_named(text);
    }
    claims
}

fn policy_if_named(text: &str) -> String {
    let policy = Kind::AuthorizationPolicy.as_str();
    if text.contains(policy) { policy.to_owned() } else { String::new() }
}

/// Whether a line stands directly under `metadata:`, at the depth of the first line there; labels stand deeper.
#[derive(Debug, Default)]
struct Metadata {
    inside: bool,
    depth: Option<usize>,
}

impl Metadata {
    fn reach(&mut self, indent: usize) {
        if self.depth.is_some_and(|depth| indent < depth) {
            self.inside = false;
        }
    }

    fn holds(&mut self, indent: usize) -> bool {
        self.inside && *self.depth.get_or_insert(indent) == indent
    }
}

/// The `key: value` pairs of a line, of block or flow style, quotes and comments taken off.
fn entries(line: &str) -> impl Iterator<Item = (&str, String)> {
    let line = line.trim_start_matches([' ', '\t', '-']);
    let line = if line.starts_with('#') { "" } else { line };
    let pairs = line.split([',', '{', '}']).filter_map(|part| part.split_once(':'));
    pairs.map(|(key, value)| (bare(key), shortened(bare(value.split(" #").next().unwrap_or_default()))))
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '[' | ']'))
}

/// Cuts `text` before each line that begins something; what stands before the first belongs to it.
fn pieces(text: &str, begins: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut at, mut begun) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        if begins(line) && std::mem::replace(&mut begun, true) {
            pieces.extend(text.get(start..at));
            start = at;
        }
        at += line.len();
    }
    pieces.extend(text.get(start..));
    pieces
}
