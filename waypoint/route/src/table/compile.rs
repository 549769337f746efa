//! Compiles routes into a table.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::candidate::{Candidate, PathCondition, ValueCondition};
use super::expression::Expressions;
use super::group::Group;
use super::limits;
use super::{Problem, Reason, Table, TableRule};
use crate::route::{GrpcMethodMatch, PathMatch, RequestMatch, Route, Rule, ValueMatch};

pub(super) fn compile(routes: &[Arc<Route>]) -> Table {
    let mut compiler = Compiler::default();
    for route in by_precedence(routes) {
        compiler.add_route(route);
    }
    Table { has_routes: !routes.is_empty(), ..compiler.finish() }
}

/// The routes of the kind that wins, the oldest first.
fn by_precedence(routes: &[Arc<Route>]) -> Vec<&Route> {
    let winner = routes.iter().map(|route| route.kind).max();
    let mut routes: Vec<_> =
        routes.iter().map(|route| &**route).filter(|route| Some(route.kind) == winner).collect();
    routes.sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
    routes
}

/// What is compiled so far. The candidates of a group are in the order in which they came.
#[derive(Default)]
struct Compiler {
    rules: Vec<TableRule>,
    expressions: Expressions,
    groups: BTreeMap<GroupKey, Vec<Candidate>>,
}

/// The paths of a group.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    Exact(Box<str>),
    /// Without a slash at the end.
    Prefix(Box<str>),
    /// Each candidate has a condition of its own.
    Expression,
    AnyPath,
}

impl Compiler {
    fn add_route(&mut self, route: &Route) {
        let mut matches = 0;
        for (index, rule) in route.rules.iter().enumerate() {
            matches += rule.matches.len();
            let checked = limits::at_most(limits::MOST_RULES, "rules", index + 1)
                .and_then(|()| {
                    limits::at_most(limits::MOST_MATCHES_OF_A_ROUTE, "matches of a route", matches)
                })
                .and_then(|()| limits::check(rule));
            let compiled = self.add_matches(rule);
            let reason = checked.and(compiled).err();
            let problem =
                |reason| Problem { kind: route.kind, route: route.name.clone(), rule: index, reason };
            self.rules.push(TableRule {
                route: route.name.clone(),
                rule: Arc::clone(rule),
                problem: reason.map(problem),
            });
        }
    }

    /// Adds the candidates of a rule, also of one that does not compile.
    fn add_matches(&mut self, rule: &Rule) -> Result<(), Reason> {
        if rule.matches.is_empty() {
            return self.add_match(&RequestMatch::default());
        }
        rule.matches.iter().map(|wanted| self.add_match(wanted)).fold(Ok(()), Result::and)
    }

    /// Adds a candidate. A value whose condition does not compile may be anything.
    fn add_match(&mut self, wanted: &RequestMatch) -> Result<(), Reason> {
        let mut failure = None;
        let mut note = |compiled: Result<ValueCondition, Reason>| {
            compiled.unwrap_or_else(|reason| {
                failure.get_or_insert(reason);
                ValueCondition::Any
            })
        };
        let (key, path) = self.path(&wanted.path, &mut note);
        let headers = first_of_each(&wanted.headers, |header| &header.name)
            .map(|header| (header.name.clone(), note(self.value(&header.value))))
            .collect();
        let query_params = first_of_each(&wanted.query_params, |param| &param.name)
            .map(|param| (param.name.clone(), note(self.value(&param.value))))
            .collect();
        let candidate =
            Candidate { rule: self.rules.len(), path, method: wanted.method.clone(), headers, query_params };
        self.groups.entry(key).or_default().push(candidate);
        failure.map_or(Ok(()), Err)
    }

    fn path(
        &mut self,
        path: &PathMatch,
        note: &mut impl FnMut(Result<ValueCondition, Reason>) -> ValueCondition,
    ) -> (GroupKey, Option<PathCondition>) {
        match path {
            PathMatch::Exact(path) => (GroupKey::Exact(path.as_str().into()), None),
            PathMatch::PathPrefix(path) => match path.as_str().trim_end_matches('/') {
                "" => (GroupKey::AnyPath, None),
                prefix => (GroupKey::Prefix(prefix.into()), None),
            },
            PathMatch::RegularExpression(pattern) => {
                let condition = note(self.expressions.get(pattern).map(ValueCondition::Expression));
                (GroupKey::Expression, Some(PathCondition::Whole(condition)))
            }
            PathMatch::GrpcMethod(GrpcMethodMatch { service, method }) => {
                let mut name = |name: &Option<ValueMatch>| match name {
                    Some(name) => note(self.value(name)),
                    None => ValueCondition::Any,
                };
                let condition = PathCondition::GrpcMethod { service: name(service), method: name(method) };
                (GroupKey::Expression, Some(condition))
            }
        }
    }

    fn value(&mut self, value: &ValueMatch) -> Result<ValueCondition, Reason> {
        match value {
            ValueMatch::Exact(text) => Ok(ValueCondition::Exact(text.as_bytes().into())),
            ValueMatch::RegularExpression(pattern) => {
                self.expressions.get(pattern).map(ValueCondition::Expression)
            }
        }
    }

    fn finish(self) -> Table {
        let mut table = Table { rules: self.rules, ..Table::default() };
        for (key, candidates) in self.groups {
            let group = Group::new(candidates);
            match key {
                GroupKey::Exact(path) => drop(table.exact.insert(path, group)),
                GroupKey::Prefix(prefix) => table.prefixes.insert(&prefix, group),
                GroupKey::Expression => table.expressions = group,
                GroupKey::AnyPath => table.any_path = group,
            }
        }
        table
    }
}

/// The first condition for each name.
fn first_of_each<'a, T, N: Eq + Hash + 'a>(
    conditions: &'a [T],
    name: impl Fn(&'a T) -> &'a N,
) -> impl Iterator<Item = &'a T> {
    let mut seen = HashSet::new();
    conditions.iter().filter(move |condition| seen.insert(name(condition)))
}
