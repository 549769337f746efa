//! What Gateway API allows in one rule. The API server checks it; a table made from elsewhere is bounded by it too.

use super::Reason;
use crate::filter::cors::Allowed;
use crate::filter::{Cors, Filter, HeaderModifier, PathModifier};
use crate::route::{PathMatch, RequestMatch, Rule, ValueMatch};

pub(super) const MOST_RULES: usize = 16;
const MOST_MATCHES: usize = 64;
pub(super) const MOST_MATCHES_OF_A_ROUTE: usize = 128;
const MOST_CONDITIONS: usize = 16;
const MOST_FILTERS: usize = 16;
const MOST_BACKENDS: usize = 16;
const MOST_CHANGES: usize = 16;
const MOST_CORS_ITEMS: usize = 64;
const LONGEST_NAME: usize = 256;
const LONGEST_PATH: usize = 1024;
const LONGEST_HEADER: usize = 4096;
const LONGEST_QUERY_PARAM: usize = 1024;

/// Checks a rule by itself.
pub(super) fn check(rule: &Rule) -> Result<(), Reason> {
    if let Some(reason) = &rule.unreadable {
        return Err(Reason::Unreadable(reason.clone()));
    }
    at_most(MOST_MATCHES, "matches", rule.matches.len())?;
    rule.matches.iter().try_for_each(check_match)?;
    check_filters(rule, &rule.filters)?;
    at_most(MOST_BACKENDS, "backendRefs", rule.backends.len())?;
    rule.backends.iter().try_for_each(|backend| check_filters(rule, &backend.filters))?;
    let redirects = rule.filters.iter().any(|filter| matches!(filter, Filter::RequestRedirect(_)));
    if redirects && !rule.backends.is_empty() { Err(Reason::RedirectAndBackends) } else { Ok(()) }
}

pub(super) fn at_most(limit: usize, what: &'static str, count: usize) -> Result<(), Reason> {
    if count > limit { Err(Reason::TooMany { what, count, limit }) } else { Ok(()) }
}

fn no_longer(limit: usize, what: &'static str, text: &str) -> Result<(), Reason> {
    let length = text.len();
    if length > limit { Err(Reason::TooLong { what, length, limit }) } else { Ok(()) }
}

fn check_match(wanted: &RequestMatch) -> Result<(), Reason> {
    match &wanted.path {
        PathMatch::Exact(path) | PathMatch::PathPrefix(path) => {
            no_longer(LONGEST_PATH, "path", path.as_str())
        }
        PathMatch::RegularExpression(pattern) => no_longer(LONGEST_PATH, "path", pattern),
        PathMatch::GrpcMethod(names) => {
            let mut values = names.service.iter().chain(&names.method);
            values.try_for_each(|value| check_value(LONGEST_PATH, "gRPC method", value))
        }
    }?;
    at_most(MOST_CONDITIONS, "headers of a match", wanted.headers.len())?;
    at_most(MOST_CONDITIONS, "queryParams of a match", wanted.query_params.len())?;
    for header in &wanted.headers {
        no_longer(LONGEST_NAME, "header name", header.name.as_str())?;
        check_value(LONGEST_HEADER, "header value", &header.value)?;
    }
    for param in &wanted.query_params {
        no_longer(LONGEST_NAME, "query parameter name", &param.name)?;
        check_value(LONGEST_QUERY_PARAM, "query parameter value", &param.value)?;
    }
    Ok(())
}

fn check_value(limit: usize, what: &'static str, value: &ValueMatch) -> Result<(), Reason> {
    match value {
        ValueMatch::Exact(text) | ValueMatch::RegularExpression(text) => no_longer(limit, what, text),
    }
}

/// Checks the filters of a rule, or of one of its backends.
fn check_filters(rule: &Rule, filters: &[Filter]) -> Result<(), Reason> {
    at_most(MOST_FILTERS, "filters", filters.len())?;
    for (position, filter) in filters.iter().enumerate() {
        let is_same = |other: &Filter| other.type_name() == filter.type_name();
        let may_repeat = matches!(filter, Filter::RequestMirror(_));
        if !may_repeat && filters.iter().take(position).any(is_same) {
            return Err(Reason::RepeatedFilter { filter: filter.type_name() });
        }
        check_filter(rule, filter)?;
    }
    let has = |wanted: fn(&Filter) -> bool| filters.iter().any(wanted);
    if has(|filter| matches!(filter, Filter::RequestRedirect(_)))
        && has(|filter| matches!(filter, Filter::UrlRewrite(_)))
    {
        return Err(Reason::RedirectAndRewrite);
    }
    Ok(())
}

fn check_filter(rule: &Rule, filter: &Filter) -> Result<(), Reason> {
    if let Some(modifier) = filter.path_modifier() {
        check_path_modifier(rule, modifier)?;
    }
    match filter {
        Filter::RequestHeaderModifier(modifier) | Filter::ResponseHeaderModifier(modifier) => {
            check_header_modifier(modifier)
        }
        Filter::Cors(cors) => check_cors(cors),
        Filter::RequestRedirect(_) | Filter::UrlRewrite(_) | Filter::RequestMirror(_) => Ok(()),
    }
}

fn check_path_modifier(rule: &Rule, modifier: &PathModifier) -> Result<(), Reason> {
    let (PathModifier::ReplaceFullPath(path) | PathModifier::ReplacePrefixMatch(path)) = modifier;
    no_longer(LONGEST_PATH, "path", path.as_str())?;
    // A rule without a match has the prefix `/`.
    let has_prefix = match rule.matches.as_slice() {
        [] => true,
        [wanted] => matches!(wanted.path, PathMatch::PathPrefix(_)),
        _ => false,
    };
    match modifier {
        PathModifier::ReplacePrefixMatch(_) if !has_prefix => Err(Reason::NoPrefixToReplace),
        PathModifier::ReplacePrefixMatch(_) | PathModifier::ReplaceFullPath(_) => Ok(()),
    }
}

fn check_header_modifier(modifier: &HeaderModifier) -> Result<(), Reason> {
    at_most(MOST_CHANGES, "headers to set", modifier.set.len())?;
    at_most(MOST_CHANGES, "headers to add", modifier.add.len())?;
    at_most(MOST_CHANGES, "headers to remove", modifier.remove.len())
}

fn check_cors(cors: &Cors) -> Result<(), Reason> {
    fn count<T>(allowed: &Allowed<T>) -> usize {
        match allowed {
            Allowed::Any => 1,
            Allowed::Only(names) => names.len(),
        }
    }
    at_most(MOST_CORS_ITEMS, "allowOrigins", cors.allow_origins.len())?;
    at_most(MOST_CORS_ITEMS, "allowMethods", count(&cors.allow_methods))?;
    at_most(MOST_CORS_ITEMS, "allowHeaders", count(&cors.allow_headers))?;
    at_most(MOST_CORS_ITEMS, "exposeHeaders", count(&cors.expose_headers))
}
