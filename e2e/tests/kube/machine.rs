//! The machines of the cluster, underneath Kubernetes.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster");

/// Runs a line of shell as root on a node, as a program of the node's own, and gives what it prints.
pub(crate) fn on_node(node: &str, line: &str) -> Result<String> {
    run(Command::new(format!("{SCRIPTS}/on-node")).args([node, "sh", "-c", line]))
}

/// The same on the machine of the control plane, which is no node.
pub(crate) fn outside(line: &str) -> Result<String> {
    run(Command::new("sh").args(["-c", line]))
}

/// Ends a node's kubelet and starts it again, in a cgroup that is made anew, as systemd does.
pub(crate) fn restart_kubelet(node: &str) -> Result<()> {
    run(Command::new(format!("{SCRIPTS}/restart-kubelet")).arg(node)).map(drop)
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", errors.trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
