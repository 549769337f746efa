//! The life of an installation: changed under load, uninstalled, removed without its hook, installed again.

use anyhow::{Result, ensure};

use crate::helm::{self, Restored};
use crate::load::{Connections, Load};
use crate::machine;
use crate::mesh;
use crate::traces::{self, NODES};
use crate::workloads;

#[test]
fn an_upgrade_under_load_refuses_no_new_connection() -> Result<()> {
    let namespace = mesh::shop("upgrade")?;
    let _restored = Restored;
    let far = Load::start(&namespace, "far", "http://web", Connections::New)?;
    let near = Load::start(&namespace, "near", "http://web", Connections::New)?;
    // Every program of the mesh is started anew, on one node after the other.
    helm::install(&["log.level=debug"])?;
    far.stop()?;
    near.stop()
}

#[test]
fn an_uninstallation_under_load_loses_no_request_and_leaves_nothing() -> Result<()> {
    let namespace = mesh::shop("uninstall")?;
    for node in NODES {
        ensure!(!traces::on(node)?.is_empty(), "nothing of Karez is seen on {node} while it is there");
    }
    let _restored = Restored;
    let new = Load::start(&namespace, "far", "http://web", Connections::New)?;
    let kept = Load::start(&namespace, "near", "http://web", Connections::Kept)?;
    helm::uninstall(&[])?;
    new.stop()?;
    kept.stop()?;
    traces::wait_gone()?;

    // Its label is still there.
    namespace.apply(&[workloads::client("new", "n1")])?;
    namespace.wait_ready()?;
    namespace.curl("new", "http://web")?;

    helm::install(&[])?;
    mesh::wait_captured(&namespace, &["web", "near", "far", "new"])?;
    namespace.curl("new", "http://web")?;
    Ok(())
}

#[test]
fn pods_start_where_karez_was_removed_without_its_hook() -> Result<()> {
    let namespace = mesh::shop("removed")?;
    let _restored = Restored;
    helm::uninstall(&["--no-hooks"])?;
    for node in NODES {
        // As if the agent had given its last sign of life eleven minutes ago.
        machine::on_node(node, "touch -d '11 minutes ago' /etc/cni/net.d/karez-agent-state")?;
    }
    namespace.apply(&[workloads::server("other", "n2"), workloads::client("new", "n1")])?;
    for pod in ["pod/other", "pod/new"] {
        // The plugin that is left behind would hold them for longer.
        namespace.kubectl(&["wait", "--for=condition=Ready", pod, "--timeout=50s"])?;
    }
    let other = format!("http://{}", namespace.address("other")?);
    namespace.curl("new", &other)?;

    helm::install(&[])?;
    mesh::wait_captured(&namespace, &["web", "near", "far", "other", "new"])?;
    namespace.curl("far", "http://web")?;
    namespace.curl("new", &other)?;
    Ok(())
}
