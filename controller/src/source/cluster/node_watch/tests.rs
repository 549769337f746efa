use karez_resources::{Key, Problem};
use serde_json::{Value, json};

use super::*;

fn set(name: &str, conditions: &Value) -> Delta {
    let node = json!({"metadata": {"name": name}, "status": {"conditions": conditions}});
    let node: k8s_openapi::api::core::v1::Node = serde_json::from_value(node).unwrap();
    Delta::set(node.try_into().unwrap())
}

fn ready(status: &str) -> Value {
    json!([{"type": "Ready", "status": status, "lastTransitionTime": "1970-01-01T00:10:00Z"}])
}

fn key(name: &str) -> Key {
    Key::new(Kind::Node, "", name)
}

fn unreadable(name: &str) -> Delta {
    let problem = Problem {
        kind: "Node".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
        field: String::new(),
        line: None,
        message: String::new(),
    };
    Delta::unreadable(key(name), problem, None)
}

#[test]
fn nodes_are_lost_by_their_condition_and_when_they_are_gone() {
    let lost = |seconds| Some(Timestamp::from_seconds(seconds));
    let (mut watch, reader) = NodeWatch::new();
    watch.observe(&[set("up", &ready("True")), set("silent", &ready("Unknown"))], false);
    assert_eq!(reader.lost_at("silent"), None, "not all have been seen");
    watch.observe(&[set("down", &ready("False")), set("bare", &json!([])), unreadable("broken")], true);
    for (name, expected) in [
        ("up", None),
        ("bare", None),
        ("broken", None),
        ("silent", lost(900)),
        ("down", lost(900)),
        ("gone", lost(0)),
    ] {
        assert_eq!(reader.lost_at(name), expected, "{name}");
    }
    watch.observe(&[set("silent", &ready("True")), Delta::Gone(key("up"))], false);
    assert_eq!((reader.lost_at("silent"), reader.lost_at("up")), (None, lost(0)));
}
