use serde_json::{Value, json};

use super::*;

fn node(name: &str, ready: &str) -> Node {
    let conditions = json!([{"type": "Ready", "status": ready}]);
    serde_json::from_value(json!({"metadata": {"name": name}, "status": {"conditions": conditions}})).unwrap()
}

fn pod(name: &str, node: &str, state: &Value) -> Pod {
    let container = json!({"name": "agent", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state});
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": format!("uid-{name}")},
        "spec": {"nodeName": node, "containers": []},
        "status": {"containerStatuses": [container]},
    }))
    .unwrap()
}

fn running(name: &str, node: &str) -> Pod {
    pod(name, node, &json!({"running": {}}))
}

fn deleted(mut pod: Pod) -> Pod {
    pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    pod
}

fn states(nodes: &[Node], pods: &[Pod]) -> Vec<(String, AgentState)> {
    agents(nodes, pods).into_iter().map(|agent| (agent.pod, agent.state)).collect()
}

#[test]
fn whether_an_agent_can_be_asked() {
    let nodes = [node("n1", "True"), node("n2", "False"), node("n3", "Unknown")];
    for (pod, state) in [
        (running("a", "n1"), AgentState::Running),
        // Its network may be broken: its kubelet is there.
        (running("a", "n2"), AgentState::Running),
        (running("a", "n3"), AgentState::DeadNode),
        (running("a", "gone"), AgentState::DeadNode),
        (deleted(running("a", "n3")), AgentState::DeadNode),
        (pod("a", "n1", &json!({"waiting": {"reason": "ContainerCreating"}})), AgentState::Starting),
        (pod("a", "n1", &json!({"terminated": {"exitCode": 1}})), AgentState::Starting),
    ] {
        assert_eq!(states(&nodes, &[pod]), [("a".to_owned(), state)]);
    }
}

#[test]
fn the_successor_of_a_pod_that_is_being_deleted_is_asked() {
    let nodes = [node("n1", "True")];
    assert_eq!(states(&nodes, &[deleted(running("old", "n1"))]), []);
    let both = [running("new", "n1"), deleted(running("old", "n1"))];
    assert_eq!(states(&nodes, &both), [("new".to_owned(), AgentState::Running)]);
}
