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

/// Ends all that a node runs, as a power cut does, and starts it again.
pub(crate) fn restart_node(node: &'static str) -> Result<()> {
    PoweredOff::cut(node)?.power_on()
}

/// A node without power, until it is dropped.
pub(crate) struct PoweredOff {
    node: &'static str,
    is_on: bool,
}

impl PoweredOff {
    /// Ends all that the node runs.
    pub(crate) fn cut(node: &'static str) -> Result<Self> {
        let powered_off = Self { node, is_on: false };
        power("off", node)?;
        Ok(powered_off)
    }

    /// Starts it again, and returns once it is registered.
    pub(crate) fn power_on(mut self) -> Result<()> {
        self.is_on = true;
        power("on", self.node)
    }
}

impl Drop for PoweredOff {
    fn drop(&mut self) {
        if !self.is_on {
            // What stays away fails the tests that follow.
            let _ = power("on", self.node);
        }
    }
}

fn power(state: &str, node: &str) -> Result<()> {
    run(Command::new(format!("{SCRIPTS}/power")).args([state, node])).map(drop)
}

/// The engine that enforces NetworkPolicies, on every node; stopped when dropped.
pub(crate) struct PolicyEngine {
    nodes: &'static [&'static str],
}

impl PolicyEngine {
    /// Starts it on these nodes.
    pub(crate) fn start(nodes: &'static [&'static str]) -> Result<Self> {
        let engine = Self { nodes };
        nodes.iter().try_for_each(|node| policy_engine("start", node))?;
        Ok(engine)
    }
}

impl Drop for PolicyEngine {
    fn drop(&mut self) {
        for node in self.nodes {
            // What is left in force would fail the tests that follow.
            let _ = policy_engine("stop", node);
        }
    }
}

fn policy_engine(command: &str, node: &str) -> Result<()> {
    run(Command::new(format!("{SCRIPTS}/policy-engine")).args([command, node])).map(drop)
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", errors.trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
