use super::*;
use crate::catalog::{Entry, ResourceType};
use crate::progress::MAX_DETAIL;

fn view(content: &[(&str, usize)]) -> Arc<View> {
    let entry = |(name, size): &(&str, usize)| {
        Arc::new(Entry::new(ResourceType::Namespace, *name, vec![b'x'; *size]))
    };
    Arc::new(View::new(content.iter().map(entry)))
}

fn subscribe(names: &[&str]) -> DeltaDiscoveryRequest {
    let names = names.iter().map(ToString::to_string).collect();
    DeltaDiscoveryRequest { resource_names_subscribe: names, ..Default::default() }
}

fn unsubscribe(names: &[&str]) -> DeltaDiscoveryRequest {
    let names = names.iter().map(ToString::to_string).collect();
    DeltaDiscoveryRequest { resource_names_unsubscribe: names, ..Default::default() }
}

fn acknowledge(nonce: u64) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { response_nonce: nonce.to_string(), ..Default::default() }
}

fn refuse(nonce: u64, detail: &str) -> DeltaDiscoveryRequest {
    let status = karez_api::discovery::Status { code: 3, message: detail.to_owned() };
    DeltaDiscoveryRequest { error_detail: Some(status), ..acknowledge(nonce) }
}

fn names(batch: &Batch) -> (Vec<&str>, Vec<&str>) {
    (batch.set.iter().map(|entry| &**entry.name()).collect(), batch.removed.iter().map(|it| &**it).collect())
}

/// What is said when `present` is what there is.
fn next(subscription: &mut Subscription, present: &Arc<View>, nonce: u64) -> Option<Batch> {
    subscription.look(present);
    subscription.next(nonce)
}

#[test]
fn a_first_request_is_answered_even_with_nothing() {
    for first in [subscribe(&[]), subscribe(&["*"])] {
        let mut subscription = Subscription::new(Visible::All, first).unwrap();
        let batch = next(&mut subscription, &view(&[]), 1).unwrap();
        assert_eq!(names(&batch), (vec![], vec![]));
        assert!(!subscription.has_more());
        assert!(next(&mut subscription, &view(&[]), 2).is_none());
    }
}

#[test]
fn one_response_is_outstanding_and_the_next_has_all_that_came_since() {
    let mut subscription = Subscription::new(Visible::All, subscribe(&[])).unwrap();
    assert_eq!(names(&next(&mut subscription, &view(&[("a", 1)]), 1).unwrap()), (vec!["a"], vec![]));
    assert!(next(&mut subscription, &view(&[("a", 2)]), 2).is_none());
    assert!(next(&mut subscription, &view(&[("b", 1)]), 2).is_none());
    subscription.receive(acknowledge(7)).unwrap();
    assert!(next(&mut subscription, &view(&[("b", 1)]), 2).is_none(), "that was not its nonce");
    subscription.receive(acknowledge(1)).unwrap();
    assert_eq!(names(&next(&mut subscription, &view(&[("b", 1)]), 2).unwrap()), (vec!["b"], vec!["a"]));
}

#[test]
fn a_big_change_is_cut_and_after_the_last_part_there_is_no_more() {
    let mut subscription = Subscription::new(Visible::All, subscribe(&[])).unwrap();
    subscription.response_size = 1000;
    let present = view(&[("a", 600), ("b", 600), ("c", 2000), ("d", 1)]);
    let mut parts = Vec::new();
    for nonce in 1.. {
        let Some(batch) = next(&mut subscription, &present, nonce) else { break };
        assert!(subscription.progress().acknowledged.is_none(), "it has a part only");
        parts.push((names(&batch).0.join(","), subscription.has_more()));
        subscription.receive(acknowledge(nonce)).unwrap();
    }
    let expected = [("a", true), ("b", true), ("c", true), ("d", false)];
    assert_eq!(parts, expected.map(|(names, more)| (names.to_owned(), more)));
    assert_eq!(subscription.progress().acknowledged, Some(present.version()));
}

#[test]
fn names_that_are_asked_for_are_answered_and_the_rest_is_not() {
    let present = view(&[("a", 1), ("b", 1), ("c", 1)]);
    let mut subscription = Subscription::new(Visible::All, subscribe(&["b", "missing"])).unwrap();
    let batch = next(&mut subscription, &present, 1).unwrap();
    assert_eq!(names(&batch), (vec!["b"], vec!["missing"]));
    subscription.receive(acknowledge(1)).unwrap();
    assert!(next(&mut subscription, &present, 2).is_none());

    // Asked again: sent again, because the client may have dropped it.
    subscription.receive(subscribe(&["b", "c"])).unwrap();
    let batch = next(&mut subscription, &present, 2).unwrap();
    assert_eq!(
        {
            let mut set = names(&batch).0;
            set.sort();
            set
        },
        ["b", "c"]
    );
    subscription.receive(acknowledge(2)).unwrap();

    // What is no longer asked for is not said to be gone, and nothing more is said of it.
    subscription.receive(unsubscribe(&["b"])).unwrap();
    assert!(next(&mut subscription, &view(&[("a", 1), ("b", 2), ("c", 1)]), 3).is_none());
    assert_eq!(names(&next(&mut subscription, &view(&[("a", 1)]), 3).unwrap()), (vec![], vec!["c"]));
    subscription.receive(acknowledge(3)).unwrap();

    // A name that comes to be is sent.
    assert_eq!(
        names(&next(&mut subscription, &view(&[("missing", 1)]), 4).unwrap()),
        (vec!["missing"], vec![])
    );
}

#[test]
fn on_demand_begins_with_nothing() {
    // ztunnel's on-demand mode: "*" and not "*" in one request.
    let first =
        DeltaDiscoveryRequest { resource_names_unsubscribe: vec!["*".to_owned()], ..subscribe(&["*"]) };
    let present = view(&[("a", 1), ("b", 1)]);
    let mut subscription = Subscription::new(Visible::All, first).unwrap();
    assert_eq!(names(&next(&mut subscription, &present, 1).unwrap()), (vec![], vec![]));
    subscription.receive(acknowledge(1)).unwrap();
    subscription.receive(subscribe(&["a"])).unwrap();
    assert_eq!(names(&next(&mut subscription, &present, 2).unwrap()), (vec!["a"], vec![]));
    subscription.receive(acknowledge(2)).unwrap();
    subscription.receive(subscribe(&["*"])).unwrap();
    assert_eq!(names(&next(&mut subscription, &present, 3).unwrap()), (vec!["b"], vec![]));
}

#[test]
fn a_client_that_comes_back_is_told_the_difference() {
    let present = view(&[("a", 1), ("b", 2), ("c", 1)]);
    let version = |name: &str| present.find(name).unwrap().version().to_string();
    let old = view(&[("b", 1)]).find("b").unwrap().version().to_string();
    let first = DeltaDiscoveryRequest {
        initial_resource_versions: [
            ("a".to_owned(), version("a")),
            ("b".to_owned(), old),
            ("gone".to_owned(), "someone else's".to_owned()),
            ("c".to_owned(), "someone else's".to_owned()),
        ]
        .into(),
        ..Default::default()
    };
    let mut subscription = Subscription::new(Visible::All, first).unwrap();
    assert_eq!(names(&next(&mut subscription, &present, 1).unwrap()), (vec!["b", "c"], vec!["gone"]));
}

#[test]
fn a_refusal_is_remembered_until_another_version_is_taken() {
    let mut subscription = Subscription::new(Visible::All, subscribe(&[])).unwrap();
    let first = view(&[("one", 1), ("two", 1), ("six", 1)]);
    next(&mut subscription, &first, 1).unwrap();
    subscription.receive(refuse(1, "two: cannot be read")).unwrap();
    let rejected = |subscription: &Subscription| {
        subscription.progress().rejected.as_ref().map(|it| it.names.iter().map(ToString::to_string).collect())
    };
    assert_eq!(rejected(&subscription), Some(vec!["two".to_owned()]));
    // It is not sent again, and the rest counts as taken.
    assert!(next(&mut subscription, &first, 2).is_none());
    assert_eq!(subscription.progress().acknowledged, Some(first.version()));

    // Another resource changes: the refusal stays.
    let second = view(&[("one", 2), ("two", 1), ("six", 1)]);
    next(&mut subscription, &second, 2).unwrap();
    subscription.receive(acknowledge(2)).unwrap();
    assert_eq!(rejected(&subscription), Some(vec!["two".to_owned()]));

    // It changes itself, or goes.
    let third = view(&[("one", 2), ("six", 1)]);
    assert_eq!(names(&next(&mut subscription, &third, 3).unwrap()), (vec![], vec!["two"]));
    subscription.receive(acknowledge(3)).unwrap();
    assert_eq!(rejected(&subscription), None);
}

#[test]
fn a_refusal_of_one_resource_outlives_that_of_another() {
    let mut subscription = Subscription::new(Visible::All, subscribe(&[])).unwrap();
    let rejected = |subscription: &Subscription| {
        let rejected = subscription.progress().rejected.clone();
        rejected.map(|it| (it.detail.clone(), it.names.iter().map(ToString::to_string).collect::<Vec<_>>()))
    };
    let both = |detail: &str, names: &[&str]| {
        Some((detail.to_owned(), names.iter().map(ToString::to_string).collect()))
    };
    next(&mut subscription, &view(&[("one", 1), ("two", 1), ("six", 1)]), 1).unwrap();
    subscription.receive(refuse(1, "two: no; six: no")).unwrap();
    // One of the two is mended.
    next(&mut subscription, &view(&[("one", 1), ("two", 2), ("six", 1)]), 2).unwrap();
    subscription.receive(acknowledge(2)).unwrap();
    assert_eq!(rejected(&subscription), both("two: no; six: no", &["six"]));
    // A third is broken.
    next(&mut subscription, &view(&[("one", 2), ("two", 2), ("six", 1)]), 3).unwrap();
    subscription.receive(refuse(3, "one: no")).unwrap();
    assert_eq!(rejected(&subscription), both("one: no; two: no; six: no", &["one", "six"]));
    next(&mut subscription, &view(&[("one", 3), ("two", 2)]), 4).unwrap();
    subscription.receive(acknowledge(4)).unwrap();
    assert_eq!(rejected(&subscription), None);
}

#[test]
fn a_refusal_concerns_what_it_names() {
    let rejected = |detail: &str| {
        let mut subscription = Subscription::new(Visible::All, subscribe(&[])).unwrap();
        next(&mut subscription, &view(&[("shop/web", 1), ("shop/web-2", 1), ("shop/(W_b)", 1)]), 1).unwrap();
        subscription.receive(refuse(1, detail)).unwrap();
        let rejected = subscription.progress().rejected.clone().unwrap();
        assert!(rejected.detail.len() <= MAX_DETAIL);
        rejected.names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = ["shop/(W_b)", "shop/web", "shop/web-2"];
    assert_eq!(rejected("shop/web-2: no port"), ["shop/web-2"], "the name of another stands in its own");
    assert_eq!(rejected("shop/web: no port; shop/(W_b): no rule"), ["shop/(W_b)", "shop/web"]);
    assert_eq!(rejected("cannot read \"shop/web\", 'shop/web-2'"), ["shop/web", "shop/web-2"]);
    assert_eq!(rejected("no"), all);
    // What comes after a complaint of that length is not read.
    assert_eq!(rejected(&format!("{} shop/web: no port", "x".repeat(MAX_DETAIL))), all);
}

#[test]
fn a_client_that_asks_for_too_many_names_is_told_so() {
    let names: Vec<String> = (0..=MAX_NAMES).map(|number| number.to_string()).collect();
    let first = DeltaDiscoveryRequest { resource_names_subscribe: names, ..Default::default() };
    assert_eq!(Subscription::new(Visible::All, first).unwrap_err(), Violation::TooManyNames);
}

/// The service `shop/front` at 10.96.0.1 and the workload `web` behind it at 10.0.0.1.
fn front() -> Arc<View> {
    use karez_api::workload::address::Type;
    use karez_api::workload::{Address, NetworkAddress, PortList, Service, Workload};
    use prost::Message as _;
    let entry = |name: &str, resource| {
        let body = Address { r#type: Some(resource) }.encode_to_vec();
        Arc::new(Entry::new(ResourceType::Address, name, body))
    };
    let address = |last| vec![10, 96, 0, last];
    let service = Service {
        namespace: "shop".to_owned(),
        hostname: "front".to_owned(),
        addresses: vec![NetworkAddress { address: address(1), ..Default::default() }],
        ..Default::default()
    };
    let workload = Workload {
        uid: "web".to_owned(),
        addresses: vec![address(2)],
        services: [("shop/front".to_owned(), PortList::default())].into(),
        ..Default::default()
    };
    Arc::new(View::new(vec![
        entry("shop/front", Type::Service(service)),
        entry("web", Type::Workload(workload)),
        entry("other", Type::Workload(Workload { uid: "other".to_owned(), ..Default::default() })),
    ]))
}

#[test]
fn what_is_asked_for_by_an_address_is_answered_under_it_with_all_that_belongs_to_it() {
    let present = front();
    let cases: [(&str, &[&str], &[&str]); 5] = [
        ("/10.96.0.1", &["shop/front", "web", "/10.96.0.1"], &[]),
        ("shop/front", &["shop/front", "web"], &[]),
        ("/10.96.0.2", &["web", "/10.96.0.2"], &[]),
        ("web", &["web"], &[]),
        ("/10.96.0.3", &[], &["/10.96.0.3"]),
    ];
    for (name, set, removed) in cases {
        let mut nothing = subscribe(&["*"]);
        nothing.resource_names_unsubscribe = vec!["*".to_owned()];
        let mut subscription = Subscription::new(Visible::All, nothing).unwrap();
        assert_eq!(names(&next(&mut subscription, &present, 1).unwrap()), (vec![], vec![]));
        subscription.receive(acknowledge(1)).unwrap();
        subscription.receive(subscribe(&[name])).unwrap();
        assert_eq!(names(&next(&mut subscription, &present, 2).unwrap()), (set.to_vec(), removed.to_vec()));
        subscription.receive(acknowledge(2)).unwrap();
        assert!(next(&mut subscription, &present, 3).is_none(), "{name}");
        // When it goes, its own name goes.
        let own: Vec<_> = set.iter().copied().filter(|name| !name.starts_with('/')).collect();
        let gone = next(&mut subscription, &view(&[]), 3).map(|batch| names(&batch).1.join(" "));
        assert_eq!(gone.unwrap_or_default(), own.join(" "), "{name}");
    }
}

#[test]
fn a_client_that_asked_by_name_goes_on_with_what_it_holds() {
    let mut again = subscribe(&["*"]);
    again.resource_names_unsubscribe = vec!["*".to_owned()];
    let held = ["/10.96.0.1", "shop/front", "web", "gone"].map(|name| (name.to_owned(), String::new()));
    again.initial_resource_versions = held.into_iter().collect();
    let mut subscription = Subscription::new(Visible::All, again).unwrap();
    let batch = next(&mut subscription, &front(), 1).unwrap();
    assert_eq!(names(&batch), (vec!["shop/front", "web"], vec!["gone"]));
}
