//! A file of YAML or JSON documents.
//!
//! The documents are split first and parsed one by one, so that one broken document hurts only itself. `List` objects count
//! as many. What cannot be parsed is still named, by a line scan, so that it can be said which object keeps its last version
//! and which policy refuses.

use std::fmt;

use serde_json::Value;

use crate::document::{self, Claims, Parsed};
use crate::policy::Selector;
use crate::problem::{FieldError, Problem};
use crate::resource::{Key, Resource};

mod doubles;
mod lines;
mod scan;
mod split;
mod yaml;

use doubles::Named;

/// What became of one object of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// It is of a kind that the mesh reads, and good.
    Good(Box<Resource>),
    /// It is of a kind that the mesh does not read.
    Ignored(Ignored),
    /// It cannot be read.
    Broken(Box<Broken>),
}

/// An object of a kind that the mesh does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// As written.
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// As written; empty when it is not.
    pub namespace: String,
    /// As written; empty when it is not.
    pub name: String,
}

/// An object that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong.
    pub problem: Problem,
    /// Which object it is.
    pub subject: Subject,
    /// Of a policy: the Pods that it covers, when that much can be read.
    pub selector: Option<Selector>,
}

/// Which object a broken one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// It says so.
    Known(Key),
    /// It seems so: its text could not be parsed, or holds what may be of another object, or its metadata is wrong. A policy
    /// that has no name of its own has one in parentheses, which no object can have, so that it can refuse under it; a Mesh
    /// is the one Mesh, whatever its name is.
    Presumed(Key),
    /// It is of no kind that its API group has: it may be any object of the group, and is taken for the policy of its name
    /// where nothing says better.
    Guessed(Key),
    /// One of this key stands before it in its file: which of the two was there before is not known.
    Doubled(Key),
    /// It is another mesh's, and none of ours; but where a policy of ours of its name is gone, it is what became of that.
    Foreign(Key),
    /// It cannot be made out.
    Unknown,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_version, kind, namespace, name } = self;
        let slash = if namespace.is_empty() { "" } else { "/" };
        write!(f, "{kind} {namespace}{slash}{name} ({api_version}): the mesh does not read this kind")
    }
}

/// The most that one file may hold, in bytes.
pub const LARGEST_FILE: usize = 64 << 20;

/// The most documents that one file may hold.
pub const MOST_DOCUMENTS: usize = 100_000;

/// The most that one document may hold, in bytes: more than the API server stores of an object.
pub const LARGEST_DOCUMENT: usize = 8 << 20;

/// Reads every object of a file, in order. Empty documents are none.
#[must_use]
pub fn read(file: &[u8]) -> Vec<Reading> {
    if file.len() > LARGEST_FILE {
        return vec![unreadable(&format!("the file is larger than {LARGEST_FILE} bytes: split it"))];
    }
    let mut pieces = split::documents(file);
    let mut named = Named::default();
    let documents = pieces.by_ref().take(MOST_DOCUMENTS);
    let mut readings: Vec<Reading> = documents.flat_map(|piece| read_document(piece, &mut named)).collect();
    if pieces.next().is_some() {
        readings.push(unreadable(&format!("the file has more than {MOST_DOCUMENTS} documents: split it")));
    }
    readings
}

/// Stands for a whole file that cannot be read, so that what it held before is kept.
#[must_use]
pub fn unreadable(reason: &str) -> Reading {
    Reading::Broken(Box::new(Claims::default().broken(Parsed::Not, None, FieldError::new("", reason))))
}

fn read_document(piece: split::Piece<'_>, named: &mut Named) -> Vec<Reading> {
    let value = match yaml::parse(piece.bytes) {
        Ok(None) => return Vec::new(),
        Ok(Some(value)) => value,
        Err(error) => return unparsable(&piece, &error),
    };
    let mut place = lines::Locator::new(piece.bytes, piece.first_line);
    let locate = |(path, value): (String, Value)| match named.next(document::read(value)) {
        Reading::Broken(mut broken) => {
            broken.problem.line = Some(place.line(&path, &broken.problem.field));
            Reading::Broken(broken)
        }
        other => other,
    };
    expand(value, "").into_iter().map(locate).collect()
}

fn unparsable(piece: &split::Piece<'_>, error: &yaml::SyntaxError) -> Vec<Reading> {
    let line = piece.first_line + error.line.saturating_sub(1);
    let broken = |claims: Claims| {
        let mut broken = claims.broken(Parsed::Not, None, FieldError::new("", &error.message));
        broken.problem.line = Some(line);
        Reading::Broken(Box::new(broken))
    };
    scan::claims(&String::from_utf8_lossy(piece.bytes)).into_iter().map(broken).collect()
}

/// A `List` is its items; each comes with its path in the document.
fn expand(mut value: Value, path: &str) -> Vec<(String, Value)> {
    let list_kind = value.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    let Some(item_kind) = list_kind.map(str::to_owned) else {
        return vec![(path.to_owned(), value)];
    };
    let api_version = value.get("apiVersion").cloned();
    // A list without items is read as what it is, and refused.
    let Some(Value::Array(items)) = value.get_mut("items").filter(|items| items.is_array()).map(Value::take)
    else {
        return vec![(path.to_owned(), value)];
    };
    let item = |(at, mut item): (usize, Value)| {
        if let (Some(object), false) = (item.as_object_mut(), item_kind.is_empty()) {
            // The items of a typed list, such as a PodList, need not repeat their kind.
            object.entry("kind").or_insert_with(|| item_kind.clone().into());
            object.entry("apiVersion").or_insert_with(|| api_version.clone().unwrap_or_default());
        }
        expand(item, &if path.is_empty() { format!("items[{at}]") } else { format!("{path}.items[{at}]") })
    };
    items.into_iter().enumerate().flat_map(item).collect()
}

#[cfg(test)]
mod tests;
