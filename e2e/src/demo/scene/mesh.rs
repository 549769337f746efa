//! The mesh as its operator sees it.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Stage, say};

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let mesh = &stage.world.mesh;
    stage.remark("Two nodes, four Pods in the mesh. None of their programs knows of it.");
    say(&stage.colour.command("operator", "karez status"));
    say(mesh.karez(&["status"])?.trim_end());
    let status = mesh.status()?;
    let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let captured = pods.iter().filter(|pod| pod.get("captured") == Some(&Value::Bool(true))).count();
    ensure!(captured == 4, "{captured} Pods are captured, not 4: {status}");
    Ok(())
}
