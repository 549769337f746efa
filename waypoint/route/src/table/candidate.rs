//! One match of a rule, compiled.

use http::{HeaderName, Method};

use super::expression::Expression;
use crate::request::IndexedRequest;

/// Conditions that a request must meet, besides the path of its group.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The index of the rule.
    pub(super) rule: usize,
    /// A condition on the path that no group expresses.
    pub(super) path: Option<PathCondition>,
    /// The method.
    pub(super) method: Option<Method>,
    /// Headers, each name once.
    pub(super) headers: Vec<(HeaderName, ValueCondition)>,
    /// Query parameters, each name once.
    pub(super) query_params: Vec<(Box<str>, ValueCondition)>,
}

/// A condition on a path.
#[derive(Debug)]
pub(super) enum PathCondition {
    /// On all of it.
    Whole(ValueCondition),
    /// On its two segments.
    GrpcMethod { service: ValueCondition, method: ValueCondition },
}

/// What has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Property<'a> {
    Header(&'a HeaderName),
    QueryParam(&'a str),
}

/// A condition on a value.
#[derive(Debug)]
pub(super) enum ValueCondition {
    /// Any value.
    Any,
    /// This one.
    Exact(Box<[u8]>),
    /// One that the expression matches.
    Expression(Expression),
}

impl Candidate {
    /// Greater is better: whether it has a method, the number of headers, and that of query parameters.
    pub(super) fn specificity(&self) -> (bool, usize, usize) {
        (self.method.is_some(), self.headers.len(), self.query_params.len())
    }

    pub(super) fn is_unconditional(&self) -> bool {
        self.path.is_none() && self.specificity() == (false, 0, 0)
    }

    /// The values that it wants exactly.
    pub(super) fn exact_values(&self) -> impl Iterator<Item = (Property<'_>, &[u8])> {
        let headers = self.headers.iter().map(|(name, wanted)| (Property::Header(name), wanted));
        let query_params =
            self.query_params.iter().map(|(name, wanted)| (Property::QueryParam(name), wanted));
        headers.chain(query_params).filter_map(|(property, wanted)| match wanted {
            ValueCondition::Exact(value) => Some((property, &**value)),
            ValueCondition::Any | ValueCondition::Expression(_) => None,
        })
    }

    /// The path comes last: it may be an expression.
    pub(super) fn matches(&self, request: &IndexedRequest<'_>) -> bool {
        let has_header = |(name, wanted): &(HeaderName, ValueCondition)| {
            request.header(name).is_some_and(|value| wanted.matches(&value))
        };
        let has_query_param = |(name, wanted): &(Box<str>, ValueCondition)| {
            request.query_param(name).is_some_and(|value| wanted.matches(value))
        };
        self.method.as_ref().is_none_or(|method| method == request.view.method)
            && self.headers.iter().all(has_header)
            && self.query_params.iter().all(has_query_param)
            && self.path.as_ref().is_none_or(|path| path.matches(request.view.path.as_str()))
    }
}

impl PathCondition {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Whole(wanted) => wanted.matches(path.as_bytes()),
            Self::GrpcMethod { service, method } => {
                let names = path.strip_prefix('/').and_then(|names| names.split_once('/'));
                names.is_some_and(|(service_name, method_name)| {
                    !method_name.contains('/')
                        && service.matches(service_name.as_bytes())
                        && method.matches(method_name.as_bytes())
                })
            }
        }
    }
}

impl ValueCondition {
    fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(wanted) => **wanted == *value,
            Self::Expression(expression) => expression.matches(value),
        }
    }
}
