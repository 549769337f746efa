//! The operator's command: Pods that enter and leave the mesh, and how it stands.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::{Mesh, READY};
use crate::network::Pod;
use crate::wait;

impl Mesh {
    /// A Pod with its manifest, enrolled as its user would: `karez pod add`.
    ///
    /// # Errors
    /// When it cannot be made or enrolled.
    pub fn enrolled_pod(&mut self, node: &str, reference: &str, service_account: &str) -> Result<Pod> {
        let pod = self.pod(node, reference, service_account)?;
        self.enrol(&pod)?;
        Ok(pod)
    }

    /// `karez pod add`.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn enrol(&self, pod: &Pod) -> Result<()> {
        self.enrol_by(pod, &self.agent_socket(&pod.node))
    }

    /// `karez pod add` on a given agent's socket.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn enrol_by(&self, pod: &Pod, socket: &Path) -> Result<()> {
        let netns = pod.namespace().path().display().to_string();
        let socket = socket.display().to_string();
        self.karez(&[
            "pod",
            "add",
            &pod.reference(),
            "--netns",
            &netns,
            "--service-account",
            &pod.service_account,
            "--agent",
            &socket,
        ])
        .map(|_| ())
    }

    /// `karez pod remove`.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn remove(&self, pod: &Pod) -> Result<()> {
        self.remove_by(pod, &self.agent_socket(&pod.node))
    }

    /// `karez pod remove` on a given agent's socket.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn remove_by(&self, pod: &Pod, socket: &Path) -> Result<()> {
        let socket = socket.display().to_string();
        self.karez(&["pod", "remove", &pod.reference(), "--agent", &socket]).map(|_| ())
    }

    /// Waits until the controller knows every Pod that has a manifest, and every node is in sync with it.
    ///
    /// # Errors
    /// After 20 s, with the last status.
    pub fn wait_in_sync(&self) -> Result<()> {
        wait::until("the mesh to be in sync", READY, || {
            let status = self.status()?;
            let list = |key: &str| status.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            // A Pod that a node carries and no manifest has is listed without an identity.
            let known =
                list("pods").iter().filter(|pod| pod.get("identity").is_some_and(Value::is_string)).count();
            ensure!(known == self.manifests.pods()?, "{known} Pods are known: {status}");
            let behind = list("nodes").into_iter().any(|node| node.get("inSync") != Some(&Value::Bool(true)));
            ensure!(!behind && list("nodes").len() == self.nodes.len(), "not in sync: {status}");
            Ok(())
        })
    }

    /// `karez status --output json`.
    ///
    /// # Errors
    /// When the controller cannot be asked.
    pub fn status(&self) -> Result<Value> {
        let (status, stdout, stderr) = self.karez_status(&["status", "--output", "json"])?;
        if !matches!(status, Some(0 | 1)) {
            bail!("karez status: exit {status:?}: {stderr}");
        }
        Ok(serde_json::from_str(&stdout)?)
    }

    /// The operator's command, run beside the controller; gives its standard output.
    ///
    /// # Errors
    /// With its exit status and what it printed to standard error.
    pub fn karez(&self, arguments: &[&str]) -> Result<String> {
        let (status, stdout, stderr) = self.karez_status(arguments)?;
        ensure!(status == Some(0), "karez {}: exit {status:?}: {stderr}{stdout}", arguments.join(" "));
        Ok(stdout)
    }

    /// The operator's command: exit status, standard output, standard error.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn karez_status(&self, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
        let output = self
            .control
            .namespace()
            .command(&self.program("karez")?)
            .args(arguments)
            .env("KAREZ_CONTROLLER", self.controller_url())
            .env("KAREZ_CONTROLLER_CA", self.folder().join("controller/root.pem"))
            .env("KAREZ_TOKEN_FILE", self.folder().join("operator.token"))
            .output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((output.status.code(), text(output.stdout), text(output.stderr)))
    }
}
