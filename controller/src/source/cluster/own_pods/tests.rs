use serde_json::{Value, json};

use super::*;

fn pod(name: &str, uid: &str, account: &str, phase: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "karez-system", "uid": uid},
        "spec": {"containers": [], "nodeName": "n1", "serviceAccountName": account},
        "status": {"phase": phase},
    })
}

fn set(pod: Value) -> Delta {
    let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(pod).unwrap();
    Delta::set(pod.try_into().unwrap())
}

fn uids(reader: &OwnPodsReader) -> Vec<String> {
    reader.borrow().keys().cloned().collect()
}

#[test]
fn they_are_known_by_namespace_and_account() {
    let (mut watch, mut reader) = OwnPodsWatch::new("karez-system");
    let mut stranger = pod("karez-node-x", "u3", "karez-node", "Running");
    stranger["metadata"]["namespace"] = json!("shop");
    watch.observe(
        &[
            set(pod("karez-node-a", "u1", "karez-node", "Pending")),
            set(pod("karez-agent-a", "u2", "karez-agent", "Running")),
            set(pod("coredns", "u4", "default", "Running")),
            set(stranger),
        ],
        false,
    );
    assert_eq!(uids(&reader), ["u1", "u2"]);
    assert_eq!(reader.borrow_and_update()["u1"].node.as_deref(), Some("n1"));
    watch.observe(&[set(pod("coredns", "u4", "default", "Running"))], false);
    assert!(!reader.has_changed().unwrap());
}

#[test]
fn a_pod_that_ended_was_deleted_or_was_replaced_is_none_of_them() {
    let (mut watch, reader) = OwnPodsWatch::new("karez-system");
    let running = |uid| set(pod("karez-node-a", uid, "karez-node", "Running"));
    watch.observe(&[running("u1"), running("u2")], false);
    assert_eq!(uids(&reader), ["u2"]);
    watch.observe(&[set(pod("karez-node-a", "u2", "karez-node", "Failed"))], false);
    assert!(uids(&reader).is_empty());
    watch.observe(&[running("u3")], false);
    watch.observe(&[Delta::Gone(Key::new(Kind::Pod, "karez-system", "karez-node-a"))], false);
    assert!(uids(&reader).is_empty());
}
