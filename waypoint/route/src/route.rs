//! Routes, as their owners write them and the controller sends them. The words are Gateway API's.

mod grpc;
mod request_match;
mod retry;
mod timeouts;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::backend::Backend;
use crate::filter::Filter;

pub use grpc::GrpcMethodMatch;
pub use request_match::{HeaderMatch, PathMatch, QueryParamMatch, RequestMatch, ValueMatch};
pub use retry::Retry;
pub use timeouts::{Timeout, Timeouts};

/// An `HTTPRoute` or a `GRPCRoute`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: RouteName,
    /// When it was created, in seconds of Unix time. Older routes come first.
    pub created: i64,
    /// Its rules, in its own order. An `HTTPRoute` that names none has one with default values: its sender adds it.
    pub rules: Vec<Arc<Rule>>,
}

/// The kind of a route. Routes of two kinds never share a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `HTTPRoute`.
    Http,
    /// `GRPCRoute`.
    Grpc,
}

/// The namespace and name of a route, in alphabetical order of `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteName {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name in it.
    pub name: Arc<str>,
}

/// What happens to the requests that match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// A request matches the rule if it meets one of these. None: every request does.
    pub matches: Vec<RequestMatch>,
    /// Applied to each request that matches, in this order.
    pub filters: Vec<Filter>,
    /// Where requests go, by weight.
    pub backends: Vec<Backend>,
    /// How long an answer may take.
    pub timeouts: Timeouts,
    /// What is tried again.
    pub retry: Option<Retry>,
    /// Why the sender could not read part of the rule, or resolve a filter of it. The rule then answers 500: to leave a
    /// filter out may open what it closes. A condition that cannot be read is left out of `matches`: it counts as met, and
    /// for nothing in precedence.
    pub unreadable: Option<Box<str>>,
}

impl RouteName {
    /// The name of a route.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    fn octets(&self) -> impl Iterator<Item = u8> {
        self.namespace.bytes().chain([b'/']).chain(self.name.bytes())
    }
}

impl Ord for RouteName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.octets().cmp(other.octets())
    }
}

impl PartialOrd for RouteName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RouteName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        })
    }
}

#[cfg(test)]
mod tests;
