//! The routes of one port of a Service, compiled: finds the rule of a request.
//!
//! Precedence is Gateway API's: the most specific path, then a match on the method, then most headers, then most query
//! parameters; then the oldest route, the first by `NAMESPACE/NAME`, and the first rule and match in it. The API leaves
//! two things open:
//!
//! * A path that is a regular expression comes after every exact path and every prefix but `/`, and before `/`. So it
//!   takes requests from a rule for everything, and from no other. The same goes for a gRPC method without a service.
//! * Routes of two kinds on one port are a conflict. `GRPCRoute`s win, and `HTTPRoute`s are ignored (GEP-1294).
//!
//! Hosts are not matched: in a mesh the client dialled the Service (GEP-1294).
//!
//! A request finds its rule by hash: its whole path among the exact ones, its segments in a tree of prefixes, and among
//! the matches on one path the values of its headers and query parameters. Only expressions are tried one by one.

mod candidate;
mod compile;
mod expression;
mod group;
mod limits;
mod prefix_tree;
mod problem;
mod value_index;

use std::collections::HashMap;
use std::sync::Arc;

use crate::request::{IndexedRequest, RequestView};
use crate::route::{Route, RouteName, Rule};
use group::Group;
use prefix_tree::PrefixTree;

pub use problem::{Problem, Reason};

/// The compiled routes of one port of a Service.
#[derive(Debug, Default)]
pub struct Table {
    rules: Vec<TableRule>,
    exact: HashMap<Box<str>, Group>,
    /// Prefixes other than `/`.
    prefixes: PrefixTree,
    /// Regular expressions, and the like.
    expressions: Group,
    /// The prefix `/`.
    any_path: Group,
    has_routes: bool,
}

/// A rule, and what is wrong with it.
#[derive(Debug)]
struct TableRule {
    route: RouteName,
    rule: Arc<Rule>,
    problem: Option<Problem>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// It matches this rule.
    Rule(Selected<'a>),
    /// It may match a rule that does not compile. The caller answers 500: to go on to the next rule may open what this one
    /// closes.
    Broken(&'a Problem),
    /// It matches no rule. The caller answers 404.
    NoMatch,
}

/// The rule that a request matches.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a> {
    /// The route's name.
    pub route: &'a RouteName,
    /// Its rule.
    pub rule: &'a Arc<Rule>,
    /// Length of the prefix that matched, without a slash at the end. Zero where another condition than a prefix did.
    pub prefix_length: usize,
}

impl Table {
    /// Compiles routes, in any order.
    ///
    /// A rule that does not compile keeps its place, and [`Table::problems`] names it. A condition that does not compile
    /// counts as met.
    #[must_use]
    pub fn compile(routes: &[Arc<Route>]) -> Self {
        compile::compile(routes)
    }

    /// Whether it is made of no route at all. Requests then go to the Service itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_routes
    }

    /// What is wrong with its rules: one problem for each that is broken.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.rules.iter().filter_map(|rule| rule.problem.as_ref())
    }

    /// Finds the rule of a request.
    #[must_use]
    pub fn select(&self, request: &RequestView<'_>) -> Selection<'_> {
        let found = self
            .find(&IndexedRequest::new(*request))
            .and_then(|(rule, prefix_length)| Some((self.rules.get(rule)?, prefix_length)));
        match found {
            None => Selection::NoMatch,
            Some((TableRule { problem: Some(problem), .. }, _)) => Selection::Broken(problem),
            Some((TableRule { route, rule, problem: None }, prefix_length)) => {
                Selection::Rule(Selected { route, rule, prefix_length })
            }
        }
    }

    /// The index of the rule, and the length of the prefix.
    fn find(&self, request: &IndexedRequest<'_>) -> Option<(usize, usize)> {
        let path = request.view.path.as_str();
        let longest_prefix = || {
            let mut longest_first = self.prefixes.longest_first(path);
            longest_first.find_map(|(group, length)| Some((group.select(request)?, length)))
        };
        let no_prefix = |rule| (rule, 0);
        let exact = self.exact.get(path).and_then(|group| group.select(request));
        exact
            .map(no_prefix)
            .or_else(longest_prefix)
            .or_else(|| self.expressions.select(request).map(no_prefix))
            .or_else(|| self.any_path.select(request).map(no_prefix))
    }
}

#[cfg(test)]
mod tests;
