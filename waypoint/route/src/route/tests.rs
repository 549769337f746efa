use std::time::Duration;

use super::*;
use crate::path::{Keep, NormalPath, Refused};

#[test]
fn names_are_in_the_alphabetical_order_of_their_text() {
    let name = |text: &str| {
        let (namespace, name) = text.split_once('/').unwrap();
        RouteName::new(namespace, name)
    };
    // `-` comes before `/`.
    let sorted = ["a-b/a", "a/a", "a/b", "ab/a"].map(name);
    assert!(sorted.is_sorted());
    assert_eq!(sorted[0].to_string(), "a-b/a");
}

/// A request may hold `%5C` where a `TrafficPolicy` keeps it, so a route may name it.
#[test]
fn paths_of_routes_are_normal() {
    let path = |text| NormalPath::new(text, Keep::ALL).unwrap();
    assert_eq!(PathMatch::exact("/%7ea%5c"), Ok(PathMatch::Exact(path("/~a%5C"))));
    assert_eq!(PathMatch::path_prefix("/a/"), Ok(PathMatch::PathPrefix(path("/a/"))));
    assert_eq!(PathMatch::exact("a"), Err(Refused::NotAbsolute));
    assert_eq!(PathMatch::path_prefix("/a%"), Err(Refused::Encoding));
}

#[test]
fn grpc_methods_are_paths() {
    let exact = |text: &str| Some(ValueMatch::Exact(text.into()));
    let expression = |text: &str| Some(ValueMatch::RegularExpression(text.into()));
    let path = |text: &'static str| NormalPath::new(text, Keep::NONE).unwrap();
    let of = |service, method| PathMatch::try_from(GrpcMethodMatch { service, method });

    assert_eq!(of(None, None), Ok(PathMatch::default()));
    assert_eq!(of(exact("a.B"), None), Ok(PathMatch::PathPrefix(path("/a.B"))));
    assert_eq!(of(exact("a.B"), exact("Get")), Ok(PathMatch::Exact(path("/a.B/Get"))));
    for (service, method) in [(None, exact("Get")), (expression("a.*"), None), (exact("a"), expression("G"))]
    {
        let wanted = GrpcMethodMatch { service: service.clone(), method: method.clone() };
        assert_eq!(of(service, method), Ok(PathMatch::GrpcMethod(wanted)));
    }
    assert_eq!(of(exact("a/b"), None), Err(Refused::Character('/')));
    assert_eq!(of(exact("a b"), None), Err(Refused::Character(' ')));
}

#[test]
fn a_timeout_of_zero_is_none() {
    assert_eq!(Timeout::from(None), Timeout::Unspecified);
    assert_eq!(Timeout::from(Some(Duration::ZERO)), Timeout::Disabled);
    assert_eq!(Timeout::from(Some(Duration::from_secs(1))), Timeout::After(Duration::from_secs(1)));
}
