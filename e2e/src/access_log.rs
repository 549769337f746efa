//! The access log of a node proxy.

use anyhow::{Result, bail};
use karez_lab::{Mesh, wait};
use serde_json::Value;

use crate::sockets::PATIENCE;

/// One ended connection.
#[derive(Debug, Clone)]
pub struct Line(Value);

impl Line {
    /// A field's text; empty when it is not there.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field's number; 0 when it is not there.
    #[must_use]
    pub fn number(&self, field: &str) -> u64 {
        self.0.get(field).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Whether the connection ended otherwise than by itself.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !self.text("error").is_empty()
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// All lines so far, in order.
#[must_use]
pub fn lines(mesh: &Mesh, node: &str) -> Vec<Line> {
    let log = mesh.node_log(node);
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).map(Line);
    parsed.filter(|line| line.text("scope") == "access").collect()
}

/// Waits for a line that is `wanted`, and gives the latest such.
///
/// # Errors
/// When none comes; with the last lines that did.
pub fn wait_for(mesh: &Mesh, node: &str, what: &str, wanted: impl Fn(&Line) -> bool) -> Result<Line> {
    wait::until(&format!("{what} in the access log of {node}"), PATIENCE, || {
        let lines = lines(mesh, node);
        match lines.iter().rev().find(|line| wanted(line)) {
            Some(line) => Ok(line.clone()),
            None => {
                let last: Vec<_> = lines.iter().rev().take(5).map(ToString::to_string).collect();
                bail!("the last lines are:\n{}", last.join("\n"))
            }
        }
    })
}
