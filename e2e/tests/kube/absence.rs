//! Programs of the mesh go and come back, and whole nodes.

use anyhow::{Result, ensure};
use karez_lab::wait;
use serde_json::Value;

use crate::kubectl::kubectl;
use crate::load::{Connections, Load};
use crate::machine;
use crate::mesh;
use crate::namespace::PATIENCE;

const OWN: &str = "--namespace=karez-system";

#[test]
fn no_request_fails_while_agents_and_controllers_are_away() -> Result<()> {
    let namespace = mesh::shop("absence")?;
    let new = Load::start(&namespace, "far", "http://web", Connections::New)?;
    let kept = Load::start(&namespace, "near", "http://web", Connections::Kept)?;
    kubectl(&[OWN, "delete", "pod", "--selector=app.kubernetes.io/name=karez-agent"])?;
    kubectl(&[OWN, "rollout", "status", "daemonset/karez-agent", "--timeout=60s"])?;

    let controllers = Replicas::of_controllers(0)?;
    namespace.curl("near", "http://web")?;
    drop(controllers);
    kubectl(&[OWN, "rollout", "status", "deployment/karez-controller", "--timeout=60s"])?;
    new.stop()?;
    kept.stop()
}

/// Another number of controllers, for as long as it lives.
struct Replicas;

impl Replicas {
    fn of_controllers(number: usize) -> Result<Self> {
        let scaled = Self;
        kubectl(&[OWN, "scale", "deployment/karez-controller", &format!("--replicas={number}")])?;
        let gone = ["wait", "--for=delete", "pod", "--selector=app.kubernetes.io/name=karez-controller"];
        kubectl(&[&[OWN], &gone[..], &["--timeout=60s"]].concat())?;
        Ok(scaled)
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        let _ = kubectl(&[OWN, "scale", "deployment/karez-controller", "--replicas=2"]);
    }
}

#[test]
fn pods_of_a_node_that_is_restarted_are_captured_before_they_start_again() -> Result<()> {
    let namespace = mesh::shop("restart")?;
    namespace.kubectl(&["annotate", "namespace", namespace.name(), "karez.dev/mtls=strict"])?;
    machine::restart_node("n2")?;
    // `web` and `near` are there again under new addresses, and `far` was never away.
    wait::until("the node's Pods to be replaced", 2 * PATIENCE, || {
        for pod in ["web", "near"] {
            let pod = namespace.get(&format!("pod/{pod}"))?;
            let restarts = pod.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64);
            ensure!(restarts >= Some(1), "{restarts:?}");
        }
        Ok(())
    })?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web", "near", "far"])?;
    for client in ["near", "far"] {
        namespace.curl(client, "http://web")?;
    }
    Ok(())
}
