//! Networks' configurations on a node, which other programs write too.

use anyhow::{Result, ensure};
use karez_lab::wait;

use crate::helm::{self, Restored};
use crate::machine;
use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::traces;
use crate::workloads;

const NODE: &str = "n1";
const CONFIGURATION: &str = "/etc/cni/net.d/10-ptp.conflist";

#[test]
fn the_plugin_is_chained_again_when_another_program_writes_the_configuration() -> Result<()> {
    let namespace = Namespace::create("cni")?;
    mesh::enrol(&namespace, &[])?;
    wait_chained()?;
    let own = machine::on_node(NODE, &format!("cat {CONFIGURATION}"))?;

    // Half of it, as of a program that ends while it writes: there is nothing to chain to, and nothing is made worse.
    write(own.get(..own.len() / 2).unwrap_or_default())?;
    let without = without_plugin(&own)?;
    write(&without)?;
    wait_chained()?;
    namespace.apply(&[workloads::server("web", NODE)])?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web"])
}

#[test]
fn a_plugin_that_is_turned_off_holds_nobody_and_leaves_nothing() -> Result<()> {
    let namespace = Namespace::create("no-cni")?;
    let _restored = Restored;
    mesh::enrol(&namespace, &[])?;
    helm::install(&["cni.enabled=false"])?;
    for node in traces::NODES {
        wait::until(&format!("the plugin to be gone from {node}"), PATIENCE, || {
            let left = traces::of_plugin(node)?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        })?;
    }
    namespace.apply(&[workloads::server("web", NODE)])?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web"])?;
    helm::uninstall(&[])?;
    traces::wait_gone()
}

fn wait_chained() -> Result<()> {
    wait::until("the plugin to be chained", PATIENCE, || {
        let text = machine::on_node(NODE, &format!("cat {CONFIGURATION}"))?;
        ensure!(text.contains("karez-cni"), "{text}");
        Ok(())
    })
}

/// As the network's own program writes it.
fn without_plugin(configuration: &str) -> Result<String> {
    let mut configuration: serde_json::Value = serde_json::from_str(configuration)?;
    if let Some(plugins) = configuration.pointer_mut("/plugins").and_then(serde_json::Value::as_array_mut) {
        plugins.retain(|plugin| plugin.get("type").is_none_or(|kind| kind != "karez-cni"));
    }
    Ok(configuration.to_string())
}

fn write(configuration: &str) -> Result<()> {
    machine::on_node(NODE, &format!("printf '%s' '{configuration}' >{CONFIGURATION}")).map(drop)
}
