//! Entering the mesh, leaving it, and what its node proxies logged.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use karez_e2e::access_log::Line;
use karez_lab::wait;

use crate::kubectl::kubectl;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads;

/// Port of tunnels, 15008 as the kernel's list of sockets writes it. A Pod that is captured has a listener on it.
const TUNNEL_PORT: &str = ":3AA0";
/// A listening socket's state there.
const LISTEN: &str = "0A";

/// A server, a client on its node and one on another, in the mesh.
pub(crate) fn shop(test: &str) -> Result<Namespace> {
    let namespace = Namespace::create(test)?;
    namespace.apply(&[
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("near", "n2"),
        workloads::client("far", "n1"),
    ])?;
    namespace.wait_ready()?;
    enrol(&namespace, &["web", "near", "far"])?;
    for client in ["near", "far"] {
        namespace.curl(client, "http://web")?;
    }
    Ok(namespace)
}

/// Labels the namespace, and waits until these Pods of it are captured.
pub(crate) fn enrol(namespace: &Namespace, pods: &[&str]) -> Result<()> {
    label(namespace, true)?;
    wait_captured(namespace, pods)
}

/// Labels the namespace, or takes the label away.
pub(crate) fn label(namespace: &Namespace, is_enrolled: bool) -> Result<()> {
    let label = if is_enrolled { "karez.dev/mesh=enabled" } else { "karez.dev/mesh-" };
    kubectl(&["label", "namespace", namespace.name(), label]).map(drop)
}

/// Waits until these Pods are captured.
pub(crate) fn wait_captured(namespace: &Namespace, pods: &[&str]) -> Result<()> {
    for pod in pods {
        wait::until(&format!("{pod} to be captured"), PATIENCE, || {
            ensure!(is_captured(namespace, pod)?, "nothing listens on its tunnel port");
            Ok(())
        })?;
    }
    Ok(())
}

/// Takes the label away, and waits until these Pods are released.
pub(crate) fn release(namespace: &Namespace, pods: &[&str]) -> Result<()> {
    label(namespace, false)?;
    wait_released(namespace, pods)
}

/// Waits until these Pods are released.
pub(crate) fn wait_released(namespace: &Namespace, pods: &[&str]) -> Result<()> {
    for pod in pods {
        wait::until(&format!("{pod} to be released"), PATIENCE, || {
            ensure!(!is_captured(namespace, pod)?, "its tunnel port still has a listener");
            Ok(())
        })?;
    }
    Ok(())
}

fn is_captured(namespace: &Namespace, pod: &str) -> Result<bool> {
    let sockets = namespace.exec(pod, &["cat", "/proc/net/tcp", "/proc/net/tcp6"])?;
    Ok(sockets.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        matches!(fields.as_slice(), [_, local, _, state, ..] if local.ends_with(TUNNEL_PORT) && *state == LISTEN)
    }))
}

/// The identity of a namespace's default service account.
pub(crate) fn identity(namespace: &Namespace) -> String {
    format!("spiffe://cluster.local/ns/{}/sa/default", namespace.name())
}

/// What `karez check --cluster` prints.
pub(crate) fn check() -> Result<String> {
    let output = Command::new("karez").args(["check", "--cluster"]).output().context("running karez")?;
    let (found, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(!found.is_empty(), "karez check --cluster: {}", error.trim_end());
    Ok(found.into_owned())
}

/// Waits for a connection that a node proxy logged.
pub(crate) fn wait_logged(what: &str, wanted: impl Fn(&Line) -> bool) -> Result<Line> {
    wait::until(&format!("{what} in the node proxies' access log"), PATIENCE, || {
        let lines = logged()?;
        match lines.iter().find(|line| wanted(line)) {
            Some(line) => Ok(line.clone()),
            None => bail!("{} connections are there, the last is {:?}", lines.len(), lines.last()),
        }
    })
}

/// Every connection that the node proxies of all nodes logged.
pub(crate) fn logged() -> Result<Vec<Line>> {
    let selector = "--selector=app.kubernetes.io/name=karez-node";
    let text = kubectl(&["--namespace=karez-system", "logs", selector, "--tail=-1"])?;
    Ok(text.lines().filter_map(Line::parse).collect())
}
