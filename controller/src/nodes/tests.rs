use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::catalog::Resources;
use crate::progress::Rejection;

const OLD: &[u8] = b"old";
const NEW: &[u8] = b"new";

fn snapshot(body: &[u8]) -> Snapshot {
    let bodies = BTreeMap::from([("cluster.local".to_owned(), body.to_vec())]);
    Snapshot::default().succeed(Resources::from([(ResourceType::TrustBundle, bodies)]))
}

fn bundles(body: &[u8]) -> Version {
    snapshot(body).view(ResourceType::TrustBundle).version()
}

fn at(body: &[u8]) -> StreamProgress {
    let progress = Progress { acknowledged: Some(bundles(body)), rejected: None };
    BTreeMap::from([(ResourceType::TrustBundle, progress)])
}

fn standing(nodes: &Nodes) -> Standing {
    nodes.records().get("a").map_or(Standing::Away, |record| record.standing(bundles(NEW)))
}

#[test]
fn a_node_stands_where_its_slowest_stream_does() {
    let nodes = Nodes::default();
    assert_eq!(standing(&nodes), Standing::Away);
    let first = nodes.connect("a");
    assert_eq!(standing(&nodes), Standing::Unsubscribed);
    first.progress(at(OLD));
    assert_eq!(standing(&nodes), Standing::Pending);
    first.progress(at(NEW));
    assert_eq!(standing(&nodes), Standing::Acknowledged);

    // The proxy that takes over has not acknowledged yet.
    let second = nodes.connect("a");
    second.progress(at(OLD));
    assert_eq!(standing(&nodes), Standing::Pending);
    second.progress(at(NEW));
    drop(first);
    assert_eq!(standing(&nodes), Standing::Acknowledged);

    // It goes on with what it has when the stream ends.
    drop(second);
    assert_eq!(nodes.connected(), 0);
    assert_eq!(standing(&nodes), Standing::Acknowledged);
    let third = nodes.connect("a");
    third.progress(at(OLD));
    drop(third);
    assert_eq!(standing(&nodes), Standing::Away);
}

#[test]
fn a_node_is_in_sync_when_it_took_all_that_there_is() {
    let nodes = Nodes::default();
    let in_sync = |body| nodes.records().get("a").is_some_and(|record| record.is_in_sync(&snapshot(body)));
    let stream = nodes.connect("a");
    assert!(!in_sync(OLD), "it has not asked for anything yet");
    stream.progress(at(OLD));
    assert!(in_sync(OLD));
    assert!(!in_sync(NEW));
    let mut refused = at(NEW);
    let rejection = Rejection { detail: "no".to_owned(), names: BTreeSet::new() };
    refused.entry(ResourceType::TrustBundle).and_modify(|it| it.rejected = Some(Arc::new(rejection)));
    stream.progress(refused);
    assert!(!in_sync(NEW));
    assert_eq!(nodes.records()["a"].rejected(), ["no"]);
}
