//! What is wrong with an object.

use std::fmt;

/// Something that a user must mend, named so that they find it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// As written, such as `AuthorizationPolicy`; empty when it could not be made out.
    pub kind: String,
    /// Empty for kinds that belong to no namespace.
    pub namespace: String,
    /// Empty when it could not be made out.
    pub name: String,
    /// Path of the field, such as `spec.rules[0].from`; empty when the whole object is meant.
    pub field: String,
    /// Line of the file, from 1; unknown for an object that came from no file.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let kind = if self.kind.is_empty() { "object" } else { &self.kind };
        match (self.namespace.as_str(), self.name.as_str()) {
            (_, "") => write!(f, "{kind}: ")?,
            ("", name) => write!(f, "{kind} {name}: ")?,
            (namespace, name) => write!(f, "{kind} {namespace}/{name}: ")?,
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// A field that cannot be accepted, inside the object that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its path, such as `spec.ports[0].port`; empty when the whole object is meant.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// An error at `field`.
    pub fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

impl std::error::Error for FieldError {}

/// Hostile input must not make a message of megabytes.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
