//! Pods that enter and leave the mesh while they run.

mod errors;
mod in_flight;
mod leaks;
mod repair;
mod reuse;

use std::time::Duration;

use anyhow::{Result, ensure};
use karez_lab::{Mesh, Pod, wait};
use serde_json::Value;

/// The server's port, and that of the Service in front of it.
const PORT: u16 = 8080;
const SECRET: &str = "the-secret-of-the-water";

/// Waits until the operator is told that a Pod is captured.
fn wait_captured(mesh: &Mesh, pod: &Pod) -> Result<()> {
    wait::until(&format!("{} to be captured", pod.reference()), Duration::from_secs(10), || {
        let status = mesh.status()?;
        let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = pods.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(&*pod.name));
        let is_captured = found.and_then(|found| found.get("captured")) == Some(&Value::Bool(true));
        ensure!(is_captured, "{status}");
        Ok(())
    })
}
