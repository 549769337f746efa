//! Why a rule is broken.

use crate::route::{Kind, RouteName};

/// A rule that does not compile. It answers 500 to the requests that may match it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {route}: rules[{rule}]: {reason}")]
pub struct Problem {
    /// The route's kind.
    pub kind: Kind,
    /// Its name.
    pub route: RouteName,
    /// The index of the rule.
    pub rule: usize,
    /// The reason.
    pub reason: Reason,
}

/// Why a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The sender could not read it.
    #[error("{0}")]
    Unreadable(Box<str>),
    /// A regular expression does not compile, or is too large.
    #[error("the regular expression {pattern:?} does not compile: {error}")]
    Expression {
        /// The expression.
        pattern: Box<str>,
        /// What is wrong with it.
        error: Box<str>,
    },
    /// The table has too many regular expressions already.
    #[error("the port's routes hold more than {limit} different regular expressions: merge some")]
    TooManyExpressions {
        /// Most of them.
        limit: usize,
    },
    /// A list is longer than Gateway API allows.
    #[error("{count} {what}: at most {limit} are allowed")]
    TooMany {
        /// What is listed.
        what: &'static str,
        /// The length.
        count: usize,
        /// Most of them.
        limit: usize,
    },
    /// A text is longer than Gateway API allows.
    #[error("a {what} of {length} characters: at most {limit} are allowed")]
    TooLong {
        /// What the text is.
        what: &'static str,
        /// The length.
        length: usize,
        /// The greatest.
        limit: usize,
    },
    /// A filter that a rule may have once is there twice.
    #[error("the filter {filter} is there twice")]
    RepeatedFilter {
        /// Its type.
        filter: &'static str,
    },
    /// It both redirects and rewrites.
    #[error("RequestRedirect and URLRewrite exclude each other")]
    RedirectAndRewrite,
    /// It both redirects and forwards.
    #[error("RequestRedirect and backendRefs exclude each other")]
    RedirectAndBackends,
    /// It replaces a prefix that it does not match.
    #[error("ReplacePrefixMatch wants exactly one match, with a PathPrefix")]
    NoPrefixToReplace,
}
