//! Nodes that are not ours: objects without a kubelet behind them.

use anyhow::{Result, ensure};
use karez_lab::wait;
use serde_json::{Value, json};

use crate::kubectl::{apply, get, kubectl, list};
use crate::namespace::PATIENCE;

/// A Node that nobody answers for; deleted when dropped.
struct ForeignNode {
    name: String,
}

impl ForeignNode {
    fn create(kind: &str, labels: &Value) -> Result<Self> {
        let name = format!("{kind}-{}", std::process::id());
        apply(
            &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}),
            &[],
        )?;
        Ok(Self { name })
    }
}

impl Drop for ForeignNode {
    fn drop(&mut self) {
        let _ = kubectl(&["delete", "node", &self.name, "--wait=false"]);
    }
}

#[test]
fn windows_and_virtual_nodes_get_no_pod_and_hold_up_no_rollout() -> Result<()> {
    let wanted = |daemon_set: &str| -> Result<Option<u64>> {
        let object = get(&["--namespace=karez-system", "daemonset", daemon_set])?;
        Ok(object.pointer("/status/desiredNumberScheduled").and_then(Value::as_u64))
    };
    let programs = ["karez-agent", "karez-node"];
    let before = [wanted(programs[0])?, wanted(programs[1])?];
    let nodes = [
        ForeignNode::create("windows", &json!({"kubernetes.io/os": "windows"}))?,
        ForeignNode::create("virtual", &json!({"kubernetes.io/os": "linux", "type": "virtual-kubelet"}))?,
    ];
    for program in programs {
        let daemon_set = format!("daemonset/{program}");
        kubectl(&["--namespace=karez-system", "rollout", "restart", &daemon_set])?;
        let timeout = format!("--timeout={}s", 2 * PATIENCE.as_secs());
        kubectl(&["--namespace=karez-system", "rollout", "status", &daemon_set, &timeout])?;
    }
    ensure!(
        [wanted(programs[0])?, wanted(programs[1])?] == before,
        "a Pod is wanted on a node that is not ours"
    );
    for node in &nodes {
        let selector = format!("--field-selector=spec.nodeName={}", node.name);
        let pods = get(&["--namespace=karez-system", "pods", &selector])?;
        ensure!(list(&pods, "/items").is_empty(), "{} has Pods: {pods}", node.name);
    }
    wait::until("the controllers to be ready still", PATIENCE, || {
        let deployment = get(&["--namespace=karez-system", "deployment", "karez-controller"])?;
        let status = |field: &str| deployment.pointer(&format!("/status/{field}")).and_then(Value::as_u64);
        ensure!(status("readyReplicas") == status("replicas"), "{deployment}");
        Ok(())
    })
}
