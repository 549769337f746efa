//! Prints how long `Table::select` takes with few and with many rules of one sort.
//!
//! `cargo run --release -p karez-route --example select`

#![allow(clippy::print_stdout, reason = "the figures are the result")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use karez_route::path::{Keep, NormalPath};
use karez_route::route::{HeaderMatch, Kind, PathMatch, QueryParamMatch, RequestMatch, ValueMatch};
use karez_route::{RequestView, Route, RouteName, Rule, Selection, Table};

const SIZES: [usize; 3] = [16, 1_000, 10_000];
/// As many as Gateway API allows.
const RULES_OF_A_ROUTE: usize = 16;
const ROUNDS: usize = 15;
/// Selects in a round.
const SELECTS: usize = 200_000;
const NAMES: [&str; 8] =
    ["accept", "accept-encoding", "content-type", "traceparent", "user-agent", "x-a", "x-b", "x-request-id"];
const VERSION: HeaderName = HeaderName::from_static("x-version");

/// A table, and the requests to find in it: one for each rule.
struct Case {
    name: &'static str,
    wanted: fn(usize) -> RequestMatch,
    path: fn(usize) -> String,
}

const CASES: [Case; 4] = [
    Case {
        name: "exact",
        wanted: |n| of_path(PathMatch::Exact(path(&format!("/api/v1/things/{n}")))),
        path: |n| format!("/api/v1/things/{n}"),
    },
    Case {
        name: "prefix",
        wanted: |n| of_path(PathMatch::PathPrefix(path(&format!("/api/v1/things/{n}")))),
        path: |n| format!("/api/v1/things/{n}/parts/7"),
    },
    Case {
        name: "header",
        wanted: |n| RequestMatch {
            headers: vec![HeaderMatch { name: VERSION, value: ValueMatch::Exact(n.to_string().into()) }],
            ..Default::default()
        },
        path: |_| "/api/v1/things/1/parts/7".to_owned(),
    },
    Case {
        name: "query",
        wanted: |n| RequestMatch {
            query_params: vec![QueryParamMatch {
                name: "thing".into(),
                value: ValueMatch::Exact(n.to_string().into()),
            }],
            ..Default::default()
        },
        path: |_| "/api/v1/things".to_owned(),
    },
];

fn main() {
    println!("ns per select, a request for each rule in turn, with {} headers", NAMES.len() + 1);
    println!("{:8} {:>6} {:>8} {:>8} {:>8}", "sort", "rules", "median", "best", "worst");
    for case in &CASES {
        for size in SIZES {
            let [best, median, worst] = measure(case, size).map(|time| time.as_nanos());
            println!("{:8} {size:>6} {median:>8} {best:>8} {worst:>8}", case.name);
        }
    }
}

/// The best, the median and the worst round.
fn measure(case: &Case, size: usize) -> [Duration; 3] {
    let table = table(case, size);
    let requests: Vec<_> = (0..size).map(|n| Request::new(case, n)).collect();
    for (n, request) in requests.iter().enumerate() {
        assert_eq!(selected(&table, request), Some(n), "{}: the request finds its rule", case.name);
    }
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round(&table, &requests)).collect();
    rounds.sort();
    [0, ROUNDS / 2, ROUNDS - 1].map(|n| rounds.get(n).copied().unwrap_or_default())
}

/// The time of one select.
fn round(table: &Table, requests: &[Request]) -> Duration {
    let start = Instant::now();
    for request in requests.iter().cycle().take(SELECTS) {
        black_box(table.select(black_box(&request.view())));
    }
    start.elapsed() / u32::try_from(SELECTS).unwrap_or(u32::MAX)
}

fn table(case: &Case, size: usize) -> Table {
    let rule = |n: usize| {
        let matches = vec![(case.wanted)(n)];
        Arc::new(Rule { name: Some(n.to_string().into()), matches, ..Default::default() })
    };
    let route = |first: usize| Route {
        kind: Kind::Http,
        name: RouteName::new("shop", &format!("route-{first}")),
        created: 0,
        rules: (first..size.min(first + RULES_OF_A_ROUTE)).map(rule).collect(),
    };
    let routes: Vec<_> = (0..size).step_by(RULES_OF_A_ROUTE).map(route).map(Arc::new).collect();
    Table::compile(&routes)
}

fn selected(table: &Table, request: &Request) -> Option<usize> {
    match table.select(&request.view()) {
        Selection::Rule(selected) => selected.rule.name.as_ref()?.parse().ok(),
        Selection::Broken(_) | Selection::NoMatch => None,
    }
}

fn of_path(path: PathMatch) -> RequestMatch {
    RequestMatch { path, ..Default::default() }
}

fn path(text: &str) -> NormalPath<'static> {
    NormalPath::new(text, Keep::NONE).map_or(NormalPath::ROOT, NormalPath::into_owned)
}

/// A request that owns what it shows.
struct Request {
    path: NormalPath<'static>,
    query: String,
    headers: HeaderMap,
}

impl Request {
    fn new(case: &Case, n: usize) -> Self {
        let value = HeaderValue::from_static("some value of an ordinary length");
        let mut headers: HeaderMap =
            NAMES.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect();
        headers.insert(VERSION, HeaderValue::from(n));
        Self { path: path(&(case.path)(n)), query: format!("color=blue&thing={n}"), headers }
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &Method::GET,
            authority: "things.shop.svc.cluster.local",
            path: &self.path,
            query: Some(&self.query),
            headers: &self.headers,
        }
    }
}
