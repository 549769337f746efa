use super::*;
use crate::discovery::mesh::Kind;
use crate::discovery::served::ServedTypes;

fn names(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn outcome(taken: &[(&str, &str)], rejected: &[(&str, &str)], removed: &[&str]) -> ApplyOutcome {
    let removed = removed.iter().map(ToString::to_string).collect();
    ApplyOutcome { taken: names(taken), rejected: names(rejected), removed }
}

fn held(ledger: &Ledger<Kind>, kind: Kind) -> Vec<(String, String)> {
    let requests = ledger.subscribe(&Kind::served(ServedTypes::All).collect::<Vec<_>>());
    let request = requests.into_iter().find(|request| request.type_url == kind.type_url()).unwrap();
    let mut held: Vec<_> = request.initial_resource_versions.into_iter().collect();
    held.sort();
    held
}

#[test]
fn a_stream_opens_with_istios_types_and_who_asks() {
    let node = Node { id: "n1".to_owned(), ..Node::default() };
    let requests = Ledger::<Kind>::default().open(&node);
    assert_eq!(requests.len(), Kind::FIRST.len());
    for (position, (request, kind)) in requests.iter().zip(Kind::FIRST).enumerate() {
        assert_eq!(Kind::of(&request.type_url), Some(*kind));
        assert_eq!(request.node.is_some(), position == 0);
        assert!(request.resource_names_subscribe.is_empty(), "a wildcard names nothing");
        assert!(request.initial_resource_versions.is_empty() && request.response_nonce.is_empty());
    }
}

#[test]
fn versions_follow_what_is_taken_refused_and_removed() {
    // Each step is a response; after it, what the next stream says is held.
    type Step<'a> =
        (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a [&'a str], &'a [(&'a str, &'a str)]);
    let steps: [Step<'_>; 6] = [
        (&[("a", "1"), ("b", "1")], &[], &[], &[("a", "1"), ("b", "1")]),
        (&[("a", "2")], &[], &["b"], &[("a", "2")]),
        (&[], &[("a", "bad"), ("c", "bad")], &[], &[("a", ""), ("c", "")]),
        (&[("c", "3")], &[], &["unknown"], &[("a", ""), ("c", "3")]),
        // Removed and there: it is there.
        (&[("c", "4")], &[], &["c"], &[("a", ""), ("c", "4")]),
        (&[], &[], &["a", "c"], &[]),
    ];
    let mut ledger = Ledger::default();
    for (taken, rejected, removed, wanted) in steps {
        ledger.settle(Kind::Address, "n".to_owned(), outcome(taken, rejected, removed));
        assert_eq!(held(&ledger, Kind::Address), names(wanted));
        assert_eq!(held(&ledger, Kind::Authorization), [], "types do not mix");
    }
}

#[test]
fn every_response_is_answered_by_its_nonce() {
    let mut ledger = Ledger::default();
    let ack = ledger.settle(Kind::Mesh, "7".to_owned(), outcome(&[("default", "1")], &[], &[]));
    let wanted = DeltaDiscoveryRequest {
        type_url: Kind::Mesh.type_url().to_owned(),
        response_nonce: "7".to_owned(),
        ..DeltaDiscoveryRequest::default()
    };
    assert_eq!(ack, wanted);
    let nack =
        ledger.settle(Kind::Mesh, "8".to_owned(), outcome(&[], &[("default", "no trust domain")], &[]));
    let detail = Status { code: 3, message: "default: no trust domain".to_owned() };
    assert_eq!((nack.response_nonce.as_str(), nack.error_detail), ("8", Some(detail)));
}

#[test]
fn a_nack_is_bounded() {
    let long = "x".repeat(10_000);
    let rejected: Vec<_> = (0..1000).map(|number| (format!("n{number}"), long.clone())).collect();
    let outcome = ApplyOutcome { rejected, ..ApplyOutcome::default() };
    let nack = Ledger::default().settle(Kind::Address, String::new(), outcome);
    let message = nack.error_detail.unwrap().message;
    assert!(message.len() < (NAMED + 1) * (PROBLEM + 2), "{}", message.len());
    assert!(message.starts_with("n0: xxx") && message.ends_with("; and 992 more"));
}

#[test]
fn what_was_refused_is_held_too() {
    let mut ledger = Ledger::default();
    assert!(!ledger.holds_any(Kind::FIRST) && !ledger.holds_any(Kind::PROMISED));
    ledger.settle(Kind::Mesh, String::new(), outcome(&[], &[("b", "bad")], &[]));
    assert!(ledger.holds_any(Kind::PROMISED) && !ledger.holds_any(Kind::FIRST));
}
