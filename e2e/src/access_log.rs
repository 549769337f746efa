//! The access log of a node proxy.

use anyhow::{Result, bail};
use karez_lab::{Mesh, wait};
use serde_json::Value;

use crate::sockets::PATIENCE;

/// One ended connection.
#[derive(Debug, Clone)]
pub struct Line(Value);

impl Line {
    /// Reads a line of a node proxy's log; `None` if it is of something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = Self(serde_json::from_str(text).ok()?);
        (line.text("scope") == "access").then_some(line)
    }

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
    mesh.node_log(node).lines().filter_map(Line::parse).collect()
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

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn only_lines_of_the_access_log_are_read() {
        let line =
            Line::parse(r#"{"scope":"access","error":"cut","bytes_sent":7,"src.workload":9}"#).unwrap();
        assert!(line.is_failure());
        assert_eq!((line.number("bytes_sent"), line.text("src.workload")), (7, ""));
        assert!(!Line::parse(r#"{"scope":"access"}"#).unwrap().is_failure());
        for other in [r#"{"scope":"audit"}"#, "INFO karez_node: ready", r#"{"scope":"acc"#, "7", ""] {
            assert!(Line::parse(other).is_none(), "{other}");
        }
    }
}
