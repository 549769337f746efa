//! Programs of the mesh go and come back: traffic does not notice.

use anyhow::Result;

use crate::kubectl::kubectl;
use crate::load::{Connections, Load};
use crate::mesh;

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
