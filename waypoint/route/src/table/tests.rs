use http::Method;

use super::*;
use crate::filter::{Filter, HeaderModifier, PathModifier, RequestRedirect, UrlRewrite};
use crate::fixture::{Request, anything, exact, expression, prefix, route, rule};
use crate::route::{GrpcMethodMatch, Kind, PathMatch, RequestMatch, ValueMatch};

mod reference;

fn table(routes: impl IntoIterator<Item = Route>) -> Table {
    Table::compile(&routes.into_iter().map(Arc::new).collect::<Vec<_>>())
}

/// A table of one route, whose rules have one match each and are named.
fn of_rules<const N: usize>(rules: [(&str, RequestMatch); N]) -> Table {
    table([route("one", rules.map(|(name, wanted)| rule(name, [wanted])))])
}

/// The name of the selected rule, or what else becomes of the request.
fn selected(table: &Table, request: &Request) -> String {
    match table.select(&request.view()) {
        Selection::Rule(selected) => selected.rule.name.as_deref().unwrap().to_owned(),
        Selection::Broken(_) => "broken".to_owned(),
        Selection::NoMatch => "none".to_owned(),
    }
}

fn check(table: &Table, expected: &[(Request, &str)]) {
    for (request, name) in expected {
        assert_eq!(selected(table, request), *name, "{request:?}");
    }
}

/// The conformance test MeshHTTPRouteMatching.
#[test]
fn paths_and_headers() {
    let table = table([route(
        "matching",
        [
            rule("v1", [prefix("/"), anything().header("version", "one")]),
            rule("v2", [prefix("/v2"), anything().header("version", "two")]),
        ],
    )]);
    check(
        &table,
        &[
            (Request::get("/"), "v1"),
            (Request::get("/example"), "v1"),
            (Request::get("/").header("Version", "one"), "v1"),
            (Request::get("/v2"), "v2"),
            (Request::get("/v2/"), "v2"),
            (Request::get("/v2/example"), "v2"),
            (Request::get("/").header("Version", "two"), "v2"),
            (Request::get("/v2example"), "v1"),
            (Request::get("/foo/v2/example"), "v1"),
            (Request::get("/v2").header("version", "one"), "v2"),
            (Request::get("/").header("version", "Two"), "v1"),
        ],
    );
}

/// The conformance test MeshHTTPRouteQueryParamMatching.
#[test]
fn query_params() {
    let table = table([route(
        "matching",
        [
            rule("whale", [anything().query("animal", "whale")]),
            rule("dolphin", [anything().query("animal", "dolphin")]),
            rule("both", [anything().query("animal", "dolphin").query("color", "blue")]),
            rule("path", [prefix("/path").query("animal", "whale")]),
            rule("either", [anything().query("a", "1"), anything().query("b", "2")]),
        ],
    )]);
    check(
        &table,
        &[
            (Request::get("/?animal=whale"), "whale"),
            (Request::get("/?animal=dolphin"), "dolphin"),
            (Request::get("/?color=blue&animal=dolphin"), "both"),
            (Request::get("/path?animal=whale"), "path"),
            (Request::get("/path?animal=dolphin"), "dolphin"),
            (Request::get("/?b=2"), "either"),
            (Request::get("/?animal=hydra"), "none"),
            (Request::get("/?animal=hydra&animal=whale"), "none"),
            (Request::get("/?animal=wh%61le"), "whale"),
            (Request::get("/?ANIMAL=whale"), "none"),
            (Request::get("/?animal"), "none"),
            (Request::get("/"), "none"),
        ],
    );
}

/// The first match of each pair precedes the second, wherever they stand.
#[test]
fn precedence() {
    let request = Request::get("/a/b?p=1&q=2").header("x-a", "1").header("x-b", "2");
    let table = [
        (exact("/a/b"), prefix("/a/b").method(Method::GET).header("x-a", "1").query("p", "1")),
        (prefix("/a/b"), prefix("/a").method(Method::GET)),
        (prefix("/a"), expression("/a/b").method(Method::GET)),
        (expression("/a/b"), anything().method(Method::GET).header("x-a", "1")),
        (exact("/a/b"), expression("/a/b")),
        (anything().method(Method::GET), anything().header("x-a", "1").header("x-b", "2")),
        (anything().header("x-a", "1").header("x-b", "2"), anything().header("x-a", "1").query("p", "1")),
        (anything().header("x-a", "1"), anything().query("p", "1").query("q", "2")),
        (anything().header("x-a", "1").query("p", "1"), anything().header("x-b", "2")),
        (anything().query("p", "1").query("q", "2"), anything().query("p", "1")),
        (anything().query("p", "1"), anything()),
        // Of one name the first condition counts, so the second match has one header.
        (anything().header("x-a", "1").header("x-b", "2"), anything().header("x-a", "1").header("X-A", "9")),
    ];
    for (first, second) in table {
        let pair = [("first", first.clone()), ("second", second.clone())];
        let [one, other] = pair.clone();
        assert_eq!(selected(&of_rules(pair), &request), "first", "{first:?}, {second:?}");
        assert_eq!(
            selected(&of_rules([other.clone(), one.clone()]), &request),
            "first",
            "{first:?}, {second:?}"
        );
        assert_eq!(selected(&of_rules([other]), &request), "second", "the request matches {second:?}");
    }
}

#[test]
fn between_equals_the_oldest_route_and_then_the_first_name_wins() {
    let of = |created, namespace, name: &str| Route {
        name: RouteName::new(namespace, name),
        created,
        ..route("", [rule(name, [anything()])])
    };
    let request = Request::get("/");
    assert_eq!(selected(&table([of(2, "a", "young"), of(1, "z", "old")]), &request), "old");
    assert_eq!(selected(&table([of(1, "b", "x"), of(1, "a", "y")]), &request), "y");
    assert_eq!(selected(&table([of(1, "a", "y"), of(1, "a", "x")]), &request), "x");
    // `-` comes before `/`.
    assert_eq!(selected(&table([of(1, "a", "x"), of(1, "a-b", "y")]), &request), "y");
    // The more specific match of a younger route still comes first.
    let specific = Route { created: 9, ..route("z", [rule("specific", [prefix("/a")])]) };
    assert_eq!(selected(&table([of(1, "a", "old"), specific]), &Request::get("/a")), "specific");
}

#[test]
fn between_equals_of_one_route_the_first_rule_wins() {
    let table = of_rules([("first", prefix("/a")), ("second", prefix("/a/")), ("third", prefix("/a"))]);
    check(&table, &[(Request::get("/a"), "first"), (Request::get("/a/b"), "first")]);
}

#[test]
fn header_values() {
    let table = of_rules([
        ("list", anything().header("x-a", "1,2")),
        ("cookie", anything().header("cookie", "a=1; b=2")),
        ("host", anything().header("host", "shop")),
        ("expression", anything().header_expression("x-e", "[0-9]+")),
    ]);
    let foreign = |request: Request| Request { authority: "other".to_owned(), ..request };
    check(
        &table,
        &[
            (foreign(Request::get("/").header("x-a", "1,2")), "list"),
            (foreign(Request::get("/").header("X-A", "1").header("x-a", "2")), "list"),
            (foreign(Request::get("/").header("x-a", "1")), "none"),
            (foreign(Request::get("/").header("x-a", "2").header("x-a", "1")), "none"),
            (foreign(Request::get("/").header("cookie", "a=1").header("cookie", "b=2")), "cookie"),
            (Request::get("/"), "host"),
            // The authority is what counts.
            (foreign(Request::get("/").header("host", "shop")), "none"),
            (foreign(Request::get("/").header("x-e", "42")), "expression"),
            (foreign(Request::get("/").header("x-e", "42a")), "none"),
        ],
    );
}

#[test]
fn the_length_of_the_prefix() {
    let table = of_rules([
        ("exact", exact("/e/f")),
        ("prefix", prefix("/foo/bar/")),
        ("expression", expression("/x.*")),
        ("any", prefix("/")),
    ]);
    let length = |path| match table.select(&Request::get(path).view()) {
        Selection::Rule(selected) => selected.prefix_length,
        other => panic!("{other:?}"),
    };
    let expected =
        [("/foo/bar", 8), ("/foo/bar/", 8), ("/foo/bar/x", 8), ("/e/f", 0), ("/xyz", 0), ("/foo", 0)];
    for (path, expected) in expected {
        assert_eq!(length(path), expected, "{path}");
    }
}

#[test]
fn grpc_methods() {
    let exact = |text: &str| Some(ValueMatch::Exact(text.into()));
    let pattern = |text: &str| Some(ValueMatch::RegularExpression(text.into()));
    let of = |service, method| RequestMatch {
        path: PathMatch::try_from(GrpcMethodMatch { service, method }).unwrap(),
        ..Default::default()
    };
    let rules = [
        rule("all", [of(None, None)]),
        rule("method", [of(None, exact("Get"))]),
        rule("expression", [of(pattern("c\\..*"), pattern("Set|Put"))]),
        rule("service", [of(exact("a.B"), None)]),
        rule("both", [of(exact("a.B"), exact("Get"))]),
        rule("header", [of(exact("a.B"), exact("Get")).header("x-a", "1")]),
    ];
    let table = table([Route { kind: Kind::Grpc, ..route("grpc", rules) }]);
    let call = |path| Request::get(path).method(Method::POST);
    check(
        &table,
        &[
            (call("/a.B/Get").header("x-a", "1"), "header"),
            (call("/a.B/Get"), "both"),
            (call("/a.B/Set"), "service"),
            (call("/a.C/Get"), "method"),
            (call("/c.D/Set"), "expression"),
            (call("/c.D/Setter"), "all"),
            (call("/a/b/Get"), "all"),
            (call("/a.BB/Set"), "all"),
        ],
    );
}

#[test]
fn routes_of_two_kinds_never_share_a_table() {
    let http = || route("http", [rule("http", [exact("/a")])]);
    let grpc = Route { kind: Kind::Grpc, created: 9, ..route("grpc", [rule("grpc", [prefix("/b")])]) };
    check(&table([http()]), &[(Request::get("/a"), "http")]);
    check(&table([http(), grpc]), &[(Request::get("/a"), "none"), (Request::get("/b"), "grpc")]);
}

#[test]
fn no_route_and_no_match_differ() {
    assert!(table([]).is_empty());
    let without_rules = table([route("empty", [])]);
    assert!(!without_rules.is_empty());
    check(&without_rules, &[(Request::get("/"), "none")]);
    check(&table([route("open", [rule("default", [])])]), &[(Request::get("/any/path"), "default")]);
}

/// A rule that does not compile takes what it may match, and no more.
#[test]
fn broken_rules_fail_closed() {
    let table = of_rules([
        ("exact", exact("/a")),
        ("path", expression("/b(")),
        ("header", prefix("/c").header_expression("x-a", "(").header("x-b", "1")),
        ("open", prefix("/")),
    ]);
    check(
        &table,
        &[
            (Request::get("/a"), "exact"),
            (Request::get("/c").header("x-a", "1").header("x-b", "1"), "broken"),
            (Request::get("/b"), "broken"),
            (Request::get("/other"), "broken"),
        ],
    );
    let table = of_rules([
        ("header", prefix("/c").header_expression("x-a", "(").header("x-b", "1")),
        ("query", prefix("/d").query_expression("p", "(")),
        ("open", prefix("/")),
    ]);
    check(
        &table,
        &[
            (Request::get("/c").header("x-a", "1"), "open"),
            (Request::get("/c").header("x-b", "1"), "open"),
            (Request::get("/c").header("x-a", "1").header("x-b", "1"), "broken"),
            (Request::get("/d"), "open"),
            (Request::get("/d?p"), "broken"),
        ],
    );
    let problems: Vec<_> = table.problems().map(|problem| (problem.rule, problem.to_string())).collect();
    assert_eq!(problems.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [0, 1]);
    let start = "HTTPRoute shop/one: rules[0]: the regular expression \"(\" does not compile: ";
    assert!(problems[0].1.starts_with(start), "{}", problems[0].1);
}

#[test]
fn what_makes_a_rule_broken() {
    type Edit = fn(&mut Rule);
    let table_of: [(&str, Edit); 9] = [
        ("no such kind", |rule| rule.unreadable = Some("no such kind".into())),
        ("17 backendRefs: at most 16 are allowed", |rule| {
            rule.backends = vec![crate::fixture::backend(); 17];
        }),
        ("65 matches: at most 64 are allowed", |rule| rule.matches = vec![anything(); 65]),
        ("a path of 1025 characters: at most 1024 are allowed", |rule| {
            rule.matches = vec![exact(&format!("/{}", "a".repeat(1024)))];
        }),
        ("17 headers of a match: at most 16 are allowed", |rule| {
            let add = |wanted: RequestMatch, n| wanted.header(&format!("x-{n}"), "1");
            rule.matches = vec![(0..17).fold(anything(), add)];
        }),
        ("the filter RequestHeaderModifier is there twice", |rule| {
            rule.filters = vec![Filter::RequestHeaderModifier(HeaderModifier::default()); 2];
        }),
        ("RequestRedirect and URLRewrite exclude each other", |rule| {
            let redirect = Filter::RequestRedirect(RequestRedirect::default());
            rule.filters = vec![redirect, Filter::UrlRewrite(UrlRewrite::default())];
        }),
        ("RequestRedirect and backendRefs exclude each other", |rule| {
            rule.filters = vec![Filter::RequestRedirect(RequestRedirect::default())];
            rule.backends = vec![crate::fixture::backend()];
        }),
        ("ReplacePrefixMatch wants exactly one match, with a PathPrefix", |rule| {
            let path = PathModifier::replace_prefix_match("/x").ok();
            rule.filters = vec![Filter::UrlRewrite(UrlRewrite { hostname: None, path })];
            rule.matches.push(exact("/a"));
        }),
    ];
    for (expected, edit) in table_of {
        let mut broken = rule("one", []);
        edit(&mut broken);
        let table = table([route("one", [broken])]);
        let reasons: Vec<_> = table.problems().map(|problem| problem.reason.to_string()).collect();
        assert_eq!(reasons, [expected]);
    }
    let many = table([route("one", (0..17).map(|_| rule("one", [anything()])))]);
    let problems: Vec<_> = many.problems().map(ToString::to_string).collect();
    assert_eq!(problems, ["HTTPRoute shop/one: rules[16]: 17 rules: at most 16 are allowed"]);
}

/// What is found by index is found among many, too.
#[test]
fn many_values() {
    let rules = |n: usize| {
        rule(&format!("rule-{n}"), [anything().header("x-all", "1").header("x-n", &n.to_string())])
    };
    let routes = (0..64).map(|n| route(&format!("{n}"), (16 * n..16 * (n + 1)).map(rules)));
    let table = table(routes);
    let request = |n: &str| Request::get("/").header("x-all", "1").header("x-n", n);
    check(
        &table,
        &[
            (request("0"), "rule-0"),
            (request("1023"), "rule-1023"),
            (request("1024"), "none"),
            (Request::get("/").header("x-n", "7"), "none"),
        ],
    );
    // Fewer headers than the index has names.
    let names = |n: usize| rule(&format!("rule-{n}"), [anything().header(&format!("x-{n}"), "1")]);
    let table = self::table([route("names", (0..16).map(names))]);
    check(&table, &[(Request::get("/").header("x-7", "1"), "rule-7"), (Request::get("/"), "none")]);
    let values =
        |n: usize| rule(&format!("rule-{n}"), [anything().query("all", "1").query("n", &n.to_string())]);
    let table = self::table((0..64).map(|n| route(&format!("{n}"), (16 * n..16 * (n + 1)).map(values))));
    check(&table, &[(Request::get("/?n=1023&all=1"), "rule-1023"), (Request::get("/?n=7&n=8"), "none")]);
}
