//! Pods enter the mesh and leave it by a label, without a restart.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::kubectl::list;
use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

#[test]
fn a_label_captures_running_pods_in_place_and_its_removal_releases_them() -> Result<()> {
    let namespace = Namespace::create("capture")?;
    namespace.apply(&[workloads::server("web", "n2"), workloads::client("client", "n1")])?;
    namespace.wait_ready()?;
    let before = containers(&namespace)?;
    let url = format!("http://{}", namespace.address("web")?);
    namespace.curl("client", &url)?;

    mesh::enrol(&namespace, &["web", "client"])?;
    namespace.curl("client", &url)?;
    mesh::wait_logged("the request, with both identities", |line| {
        line.text("direction") == "inbound"
            && line.text("src.identity") == mesh::identity(&namespace)
            && line.text("dst.identity") == mesh::identity(&namespace)
    })?;

    mesh::release(&namespace, &["web", "client"])?;
    namespace.curl("client", &url)?;
    ensure!(containers(&namespace)? == before, "a container was restarted");
    Ok(())
}

#[test]
fn a_pod_that_starts_in_the_mesh_is_captured() -> Result<()> {
    let namespace = Namespace::create("start")?;
    mesh::enrol(&namespace, &[])?;
    namespace.apply(&[workloads::server("web", "n1")])?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web"])
}

/// The id and the restarts of every container.
fn containers(namespace: &Namespace) -> Result<Vec<(Value, Value)>> {
    let pods = namespace.get("pods")?;
    let statuses = list(&pods, "/items").iter().flat_map(|pod| list(pod, "/status/containerStatuses"));
    let field = |status: &Value, name| status.get(name).cloned().unwrap_or_default();
    Ok(statuses.map(|status| (field(status, "containerID"), field(status, "restartCount"))).collect())
}
