//! What a node proxy counts.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::{Mesh, wait};

/// The sum of a metric over all label sets; 0 if it has none yet.
///
/// # Errors
/// When the node proxy cannot be asked, or the metric is no number.
pub fn value(mesh: &Mesh, node: &str, name: &str) -> Result<u64> {
    sum(mesh, node, name, |_| true)
}

/// The same over the label sets with that value of `response_flags`.
///
/// # Errors
/// When the node proxy cannot be asked, or the metric is no number.
pub fn flagged(mesh: &Mesh, node: &str, name: &str, flag: &str) -> Result<u64> {
    let label = format!("response_flags=\"{flag}\"");
    sum(mesh, node, name, |labels| labels.contains(&label))
}

fn sum(mesh: &Mesh, node: &str, name: &str, wanted: impl Fn(&str) -> bool) -> Result<u64> {
    let text = mesh.metrics(node)?;
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        ((labels.is_empty() || labels.starts_with('{')) && wanted(labels)).then_some(value)
    });
    values.map(|value| value.parse::<u64>().with_context(|| format!("{name} is {value:?}"))).sum()
}

/// Waits until no node proxy has a connection open.
///
/// # Errors
/// After `limit`, with how many there still are.
pub fn wait_no_connection(mesh: &Mesh, nodes: &[&str], limit: Duration) -> Result<()> {
    wait::until("every connection to be gone", limit, || {
        for node in nodes {
            let open = value(mesh, node, "karez_tcp_connections_open")?;
            ensure!(open == 0, "{open} on {node}");
        }
        Ok(())
    })
}
