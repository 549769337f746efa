//! Chooses where a request goes.

use std::fmt;
use std::sync::Arc;

use crate::chance;
use crate::filter::Filter;

/// A backend of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Where requests go.
    pub target: BackendTarget,
    /// Its share of the requests, of the sum of all weights.
    pub weight: u32,
    /// Applied to the requests that go here, after the rule's.
    pub filters: Vec<Filter>,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BackendTarget {
    /// A port of a service.
    Service(BackendService),
    /// Nowhere. It keeps its weight, and its share of the requests is answered 500.
    Invalid(InvalidBackend),
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BackendService {
    /// The service's namespace.
    pub namespace: Arc<str>,
    /// Its host name, as the mesh knows it.
    pub hostname: Arc<str>,
    /// The port.
    pub port: u16,
}

/// Why a backend is invalid, by the reasons of the route's condition `ResolvedRefs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidBackend {
    /// It is of a kind that no waypoint serves.
    #[error("InvalidKind")]
    InvalidKind,
    /// It does not exist.
    #[error("BackendNotFound")]
    BackendNotFound,
    /// It may not be named from the route's namespace.
    #[error("RefNotPermitted")]
    RefNotPermitted,
    /// Its port speaks another protocol.
    #[error("UnsupportedProtocol")]
    UnsupportedProtocol,
}

/// Why no backend is chosen. The caller answers 500, or `UNAVAILABLE` to gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBackend {
    /// The rule has no backend with a weight.
    #[error("the rule has no backend with a weight")]
    NoWeight,
    /// The chosen one is invalid.
    #[error("the chosen backend is invalid: {0}")]
    Invalid(InvalidBackend),
}

/// The chosen backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// Where the request goes.
    pub service: &'a BackendService,
    /// Filters for it.
    pub filters: &'a [Filter],
}

/// Chooses by weight. `random` is uniform over all of `u64`.
///
/// # Errors
/// No backend has a weight, or the chosen one is invalid.
pub fn choose(backends: &[Backend], random: u64) -> Result<Chosen<'_>, NoBackend> {
    let weight = |backend: &Backend| u64::from(backend.weight);
    let mut point = chance::below(random, backends.iter().map(weight).sum());
    let hit = backends.iter().find(|backend| {
        let is_hit = point < weight(backend);
        point = point.saturating_sub(weight(backend));
        is_hit
    });
    let backend = hit.ok_or(NoBackend::NoWeight)?;
    match &backend.target {
        BackendTarget::Service(service) => Ok(Chosen { service, filters: &backend.filters }),
        BackendTarget::Invalid(reason) => Err(NoBackend::Invalid(*reason)),
    }
}

impl fmt::Display for BackendService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}:{}", self.namespace, self.hostname, self.port)
    }
}

#[cfg(test)]
mod tests;
