//! The table against a reference: all matches, sorted by Gateway API's precedence, of which the first that holds wins.

use std::cmp::Reverse;

use proptest::prelude::*;
use regex::bytes::Regex;

use super::*;
use crate::fixture::arbitrary::{any_request, any_routes};
use crate::route::{HeaderMatch, QueryParamMatch};

/// What becomes of a request: the rule's route and index, and the length of the prefix; or a broken rule.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Rule(RouteName, *const Rule, usize),
    Broken,
    NoMatch,
}

fn outcome(table: &Table, request: &Request) -> Outcome {
    match table.select(&request.view()) {
        Selection::Rule(found) => {
            Outcome::Rule(found.route.clone(), Arc::as_ptr(found.rule), found.prefix_length)
        }
        Selection::Broken(_) => Outcome::Broken,
        Selection::NoMatch => Outcome::NoMatch,
    }
}

fn reference(routes: &[Arc<Route>], request: &Request) -> Outcome {
    let grpc_wins = routes.iter().any(|route| route.kind == Kind::Grpc);
    let default = [RequestMatch::default()];
    let mut all = Vec::new();
    for (position, route) in
        routes.iter().enumerate().filter(|(_, route)| !grpc_wins || route.kind == Kind::Grpc)
    {
        for (index, rule) in route.rules.iter().enumerate() {
            let matches = if rule.matches.is_empty() { &default[..] } else { &rule.matches };
            for (nth, wanted) in matches.iter().enumerate() {
                let age = (route.created, route.name.to_string(), position, index, nth);
                all.push(((Reverse(specificity(wanted)), age), route, rule, wanted));
            }
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let Some((_, route, rule, wanted)) = all.iter().find(|(.., wanted)| holds(wanted, request)) else {
        return Outcome::NoMatch;
    };
    if is_broken(rule) {
        return Outcome::Broken;
    }
    let prefix_length = match &wanted.path {
        PathMatch::PathPrefix(prefix) => prefix.as_str().trim_end_matches('/').len(),
        _ => 0,
    };
    Outcome::Rule(route.name.clone(), Arc::as_ptr(rule), prefix_length)
}

/// Greater comes first.
fn specificity(wanted: &RequestMatch) -> (u8, usize, bool, usize, usize) {
    let (class, length) = match &wanted.path {
        PathMatch::Exact(_) => (3, 0),
        PathMatch::PathPrefix(prefix) => match prefix.as_str().trim_end_matches('/').len() {
            0 => (0, 0),
            length => (2, length),
        },
        PathMatch::RegularExpression(_) | PathMatch::GrpcMethod(_) => (1, 0),
    };
    (class, length, wanted.method.is_some(), first_headers(wanted).len(), first_params(wanted).len())
}

fn first_headers(wanted: &RequestMatch) -> Vec<&HeaderMatch> {
    let is_first = |n: usize| wanted.headers[..n].iter().all(|before| before.name != wanted.headers[n].name);
    (0..wanted.headers.len()).filter(|n| is_first(*n)).map(|n| &wanted.headers[n]).collect()
}

fn first_params(wanted: &RequestMatch) -> Vec<&QueryParamMatch> {
    let params = &wanted.query_params;
    let is_first = |n: usize| params[..n].iter().all(|before| before.name != params[n].name);
    (0..params.len()).filter(|n| is_first(*n)).map(|n| &params[n]).collect()
}

/// Whether the request may match: an expression that does not compile matches everything.
fn holds(wanted: &RequestMatch, request: &Request) -> bool {
    let path = request.path.as_str();
    let path_holds = match &wanted.path {
        PathMatch::Exact(exact) => exact.as_str() == path,
        PathMatch::PathPrefix(prefix) => {
            let prefix = prefix.as_str().trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        PathMatch::RegularExpression(pattern) => expression_holds(pattern, path.as_bytes()),
        PathMatch::GrpcMethod(names) => match path.split('/').collect::<Vec<_>>()[..] {
            ["", service, method] => {
                [(&names.service, service), (&names.method, method)].iter().all(|(wanted, name)| {
                    wanted.as_ref().is_none_or(|wanted| value_holds(wanted, name.as_bytes()))
                })
            }
            _ => false,
        },
    };
    let header_holds = |header: &&HeaderMatch| {
        header_value(request, header).is_some_and(|value| value_holds(&header.value, &value))
    };
    let param_holds = |param: &&QueryParamMatch| {
        request
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .find_map(|text| {
                let (name, value) = text.split_once('=')?;
                (name == &*param.name).then(|| value.replace("%31", "1").replace("%2C", ","))
            })
            .is_some_and(|value| value_holds(&param.value, value.as_bytes()))
    };
    path_holds
        && wanted.method.as_ref().is_none_or(|method| *method == request.method)
        && first_headers(wanted).iter().all(header_holds)
        && first_params(wanted).iter().all(param_holds)
}

fn header_value(request: &Request, header: &HeaderMatch) -> Option<Vec<u8>> {
    if header.name == "host" {
        return (!request.authority.is_empty()).then(|| request.authority.clone().into_bytes());
    }
    let lines: Vec<_> =
        request.headers.get_all(&header.name).iter().map(http::HeaderValue::as_bytes).collect();
    let separator: &[u8] = if header.name == "cookie" { b"; " } else { b"," };
    (!lines.is_empty()).then(|| lines.join(separator))
}

fn value_holds(wanted: &ValueMatch, value: &[u8]) -> bool {
    match wanted {
        ValueMatch::Exact(text) => text.as_bytes() == value,
        ValueMatch::RegularExpression(pattern) => expression_holds(pattern, value),
    }
}

fn expression_holds(pattern: &str, value: &[u8]) -> bool {
    Regex::new(pattern).is_err() || Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(value)
}

fn is_broken(rule: &Rule) -> bool {
    let is_bad =
        |value: &ValueMatch| matches!(value, ValueMatch::RegularExpression(pattern) if &**pattern == "(");
    rule.unreadable.is_some()
        || rule.matches.iter().any(|wanted| {
            let bad_path = match &wanted.path {
                PathMatch::RegularExpression(pattern) => &**pattern == "(",
                PathMatch::GrpcMethod(names) => names.service.iter().chain(&names.method).any(is_bad),
                _ => false,
            };
            bad_path
                || first_headers(wanted).iter().any(|header| is_bad(&header.value))
                || first_params(wanted).iter().any(|param| is_bad(&param.value))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn select_is_the_first_of_all_matches(routes in any_routes(), requests in proptest::collection::vec(any_request(), 1..8)) {
        let table = Table::compile(&routes);
        for request in requests {
            prop_assert_eq!(outcome(&table, &request), reference(&routes, &request), "{:?}", request);
        }
    }

    /// Which route the table hears of first makes no difference.
    #[test]
    fn the_order_of_routes_does_not_matter(mut routes in any_routes(), request in any_request()) {
        routes.sort_by(|one, other| one.name.cmp(&other.name));
        routes.dedup_by(|one, other| one.name == other.name);
        let forwards = Table::compile(&routes);
        routes.reverse();
        prop_assert_eq!(outcome(&forwards, &request), outcome(&Table::compile(&routes), &request));
    }
}
