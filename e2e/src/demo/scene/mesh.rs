//! The mesh as its operator sees it.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Stage, remark};

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    remark(
        "A shop on two nodes. web is its front page (nginx) and asks the catalog (nginx) and the cart (Redis); guest is\n\
         a customer (curl). They are Debian's own programs and know of no mesh. Two Pods outside it are for comparison.",
    );
    stage.karez("status")?;
    let status = stage.world.mesh.status()?;
    let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_captured = |pod: &&Value| {
        pod.get("captured") == Some(&Value::Bool(true))
            && pod.get("certificateNotAfter").is_some_and(Value::is_string)
    };
    let captured = pods.iter().filter(is_captured).count();
    ensure!(
        captured == 4 && pods.len() == 6,
        "{captured} of {} Pods are captured and have a certificate, not 4 of 6: {status}",
        pods.len()
    );
    Ok(())
}
