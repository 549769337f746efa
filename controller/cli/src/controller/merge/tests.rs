use karez_api::operator::PodStatus;

use super::*;

fn node(name: &str, connected: bool, report_age_s: i64) -> NodeStatus {
    NodeStatus { node: name.to_owned(), connected, report_age_s, ..NodeStatus::default() }
}

fn pod(name: &str, node: &str, captured: bool) -> PodStatus {
    PodStatus {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        node: node.to_owned(),
        captured,
        ..PodStatus::default()
    }
}

#[test]
fn a_node_is_as_the_replica_knows_it_that_it_is_connected_to() {
    let one = StatusReply {
        nodes: vec![node("a", true, 3), node("b", false, -1), node("c", false, 90)],
        pods: vec![pod("on-a", "a", true), pod("on-b", "b", false), pod("nowhere", "", false)],
        ..StatusReply::default()
    };
    let other = StatusReply {
        nodes: vec![node("a", false, 1), node("b", true, 20), node("c", false, 40)],
        pods: vec![pod("on-a", "a", false), pod("on-b", "b", true), pod("nowhere", "", false)],
        ..StatusReply::default()
    };
    let merged = merged(vec![one, other]);
    let nodes: Vec<_> =
        merged.nodes.iter().map(|node| (&*node.node, node.connected, node.report_age_s)).collect();
    assert_eq!(nodes, [("a", true, 3), ("b", true, 20), ("c", false, 40)]);
    let pods: Vec<_> = merged.pods.iter().map(|pod| (&*pod.name, pod.captured)).collect();
    assert_eq!(pods, [("nowhere", false), ("on-a", true), ("on-b", true)]);
}

#[test]
fn one_reply_is_itself_and_none_is_empty() {
    let only = StatusReply {
        nodes: vec![node("a", true, 3)],
        trust_domain: "x".to_owned(),
        ..StatusReply::default()
    };
    assert_eq!(merged(vec![only.clone()]), only);
    assert_eq!(merged(Vec::new()), StatusReply::default());
}
