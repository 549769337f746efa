//! Changes of paths and host names.

use http::uri::Authority;

use crate::path::{Keep, NormalPath, Refused};

/// Changes the host name and the path of a request before it is forwarded. The query stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlRewrite {
    /// Replaces the authority. It has no port.
    pub hostname: Option<Authority>,
    /// Changes the path.
    pub path: Option<PathModifier>,
}

/// Changes a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathModifier {
    /// Replaces the path.
    ReplaceFullPath(NormalPath<'static>),
    /// Replaces the prefix that the route matched.
    ReplacePrefixMatch(NormalPath<'static>),
}

impl PathModifier {
    /// Replaces the path by `text`, which may leave out the first `/`.
    ///
    /// # Errors
    /// The text is no path.
    pub fn replace_full_path(text: &str) -> Result<Self, Refused> {
        replacement(text).map(Self::ReplaceFullPath)
    }

    /// Replaces the prefix by `text`, which may be empty.
    ///
    /// # Errors
    /// The text is no path.
    pub fn replace_prefix_match(text: &str) -> Result<Self, Refused> {
        replacement(text).map(Self::ReplacePrefixMatch)
    }

    /// The changed path. The prefix has the length that [`Selected`](crate::table::Selected) tells.
    #[must_use]
    pub fn apply(&self, path: &NormalPath<'_>, prefix_length: usize) -> NormalPath<'static> {
        match self {
            Self::ReplaceFullPath(whole) => whole.clone(),
            Self::ReplacePrefixMatch(prefix) => path.with_prefix(prefix_length, prefix),
        }
    }
}

fn replacement(text: &str) -> Result<NormalPath<'static>, Refused> {
    let slash = if text.starts_with('/') { "" } else { "/" };
    NormalPath::new(&format!("{slash}{text}"), Keep::ALL).map(NormalPath::into_owned)
}

#[cfg(test)]
mod tests;
