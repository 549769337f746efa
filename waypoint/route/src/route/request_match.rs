//! Conditions on a request.

use http::{HeaderName, Method};

use super::GrpcMethodMatch;
use crate::path::{Keep, NormalPath, Refused};

/// Conditions that a request meets together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestMatch {
    /// On its path.
    pub path: PathMatch,
    /// Its method. `None`: any.
    pub method: Option<Method>,
    /// On its headers. Of several for one name the first counts.
    pub headers: Vec<HeaderMatch>,
    /// On its query. Of several for one name the first counts.
    pub query_params: Vec<QueryParamMatch>,
}

/// A condition on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact(NormalPath<'static>),
    /// Its first segments. A slash at the end is ignored: `/abc` and `/abc/` both match `/abc`, `/abc/` and `/abc/def`,
    /// but not `/abcd`.
    PathPrefix(NormalPath<'static>),
    /// A regular expression, which matches the whole path.
    RegularExpression(Box<str>),
    /// A gRPC method that neither `Exact` nor `PathPrefix` can express.
    GrpcMethod(GrpcMethodMatch),
}

/// A condition on a header. A request without it does not match.
///
/// Values of several lines are judged as one, joined by `,`, and those of `cookie` by `; `. `host` stands for the
/// authority of the request in every version of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Its name.
    pub name: HeaderName,
    /// On its value.
    pub value: ValueMatch,
}

/// A condition on a query parameter. A request without it does not match. Of several with one name the first counts.
///
/// The query's names and values are decoded: `%20` and `+` are a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryParamMatch {
    /// Its name, in the same case.
    pub name: Box<str>,
    /// On its value.
    pub value: ValueMatch,
}

/// A condition on a value.
///
/// Expressions have the syntax of the `regex` crate, which is RE2's, on octets: `\d`, `\w` and `(?i)` mean ASCII. They
/// match a whole value, as in Istio, and take time in proportion to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueMatch {
    /// The whole value, in the same case.
    Exact(Box<str>),
    /// A regular expression, which matches the whole value.
    RegularExpression(Box<str>),
}

impl PathMatch {
    /// The whole path, in the words of a route.
    ///
    /// # Errors
    /// The text is no path.
    pub fn exact(text: &str) -> Result<Self, Refused> {
        NormalPath::new(text, Keep::ALL).map(|path| Self::Exact(path.into_owned()))
    }

    /// The first segments of a path, in the words of a route.
    ///
    /// # Errors
    /// The text is no path.
    pub fn path_prefix(text: &str) -> Result<Self, Refused> {
        NormalPath::new(text, Keep::ALL).map(|path| Self::PathPrefix(path.into_owned()))
    }
}

impl Default for PathMatch {
    /// Every path.
    fn default() -> Self {
        Self::PathPrefix(NormalPath::ROOT)
    }
}
