//! Which types of resource a controller serves: it says so in the headers of its stream, before any response.
//!
//! Istio's control plane ends a stream that asks for a type which it does not know. So a stream begins with Istio's types,
//! and Karez's own are asked for once the headers have promised them, while the first responses are on their way.

use karez_api::names::metadata::SETTINGS_VERSION;
use tonic::metadata::MetadataMap;

/// The types that a controller serves: those are asked for, and waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServedTypes {
    /// Istio's alone.
    Istio,
    /// Karez's own besides.
    #[default]
    All,
}

impl ServedTypes {
    /// Those that the response headers of a discovery stream promise.
    ///
    /// Any version counts: to take a newer controller for Istio's would be to decide without the mesh's settings.
    pub(crate) fn of(headers: &MetadataMap) -> Self {
        if headers.contains_key(SETTINGS_VERSION) { Self::All } else { Self::Istio }
    }
}

#[cfg(test)]
mod tests;
