//! The root replaced, with a node dead and the controller's replica that was on it.

use anyhow::{Result, ensure};

use crate::authority::signing;
use crate::kubectl::{get, kubectl, list};
use crate::load::{Connections, Load};
use crate::machine::PoweredOff;
use crate::mesh;
use crate::namespace::Namespace;
use crate::program::run;
use crate::workloads;

const SYSTEM: &str = "--namespace=karez-system";
const CONTROLLERS: &str = "--selector=app.kubernetes.io/name=karez-controller";

#[test]
fn the_root_is_replaced_under_load_while_a_node_is_dead() -> Result<()> {
    spread_controllers()?;
    ensure!(controllers_on("n2")? == 1, "no replica of the controller is on the node that dies");
    let namespace = Namespace::create("rotation")?;
    namespace.apply(&[
        workloads::server("web", "n1"),
        workloads::client("kept", "n1"),
        workloads::client("closed", "n1"),
    ])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["web", "kept", "closed"])?;
    namespace.kubectl(&["annotate", "namespace", namespace.name(), "karez.dev/mtls=strict"])?;
    let url = format!("http://{}", namespace.address("web")?);
    namespace.curl("kept", &url)?;
    let kept = Load::start(&namespace, "kept", &url, Connections::Kept)?;
    let closed = Load::start(&namespace, "closed", &url, Connections::New)?;

    let dead = PoweredOff::cut("n2")?;
    kubectl(&["delete", "node", "n2"])?;
    let before = signing()?;
    run("karez", &["ca", "rotate", "--wait"], "")?;
    ensure!(signing()? != before, "the old root still signs");
    kept.wait_answered(100)?;
    kept.stop()?;
    closed.stop()?;

    dead.power_on()?;
    for program in ["daemonset/karez-agent", "daemonset/karez-node"] {
        kubectl(&[SYSTEM, "rollout", "status", program, "--timeout=120s"])?;
    }
    namespace.apply(&[workloads::client("back", "n2")])?;
    namespace.wait_ready()?;
    namespace.curl("back", &url).map(drop)
}

/// Starts one replica anew: after the loss of a node all of them are on the other.
fn spread_controllers() -> Result<()> {
    for replicas in ["--replicas=1", "--replicas=2"] {
        kubectl(&[SYSTEM, "scale", "deployment/karez-controller", replicas])?;
        kubectl(&[SYSTEM, "rollout", "status", "deployment/karez-controller", "--timeout=60s"])?;
    }
    Ok(())
}

/// How many replicas of the controller a node has.
fn controllers_on(node: &str) -> Result<usize> {
    let field = format!("--field-selector=spec.nodeName={node}");
    let pods = get(&[SYSTEM, "pods", CONTROLLERS, &field])?;
    Ok(list(&pods, "/items").len())
}
