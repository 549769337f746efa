//! A namespace of its own for each test.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use karez_lab::wait;
use serde_json::Value;

use crate::kubectl::{apply, get, kubectl};

/// How long the cluster may take for one step: Pods start in 2 seconds when the machine is idle.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace; deleted when dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// A new namespace, named after the test.
    pub(crate) fn create(test: &str) -> Result<Self> {
        let name = format!("{test}-{}", std::process::id());
        kubectl(&["create", "namespace", &name])?;
        Ok(Self { name })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Creates the objects in it.
    pub(crate) fn apply(&self, objects: &[Value]) -> Result<()> {
        objects.iter().try_for_each(|object| apply(object, &["--namespace", &self.name]))
    }

    /// Runs `kubectl` for this namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl(&[&["--namespace", &self.name], arguments].concat())
    }

    /// One of its objects, such as `pod/web`.
    pub(crate) fn get(&self, object: &str) -> Result<Value> {
        get(&["--namespace", &self.name, object])
    }

    /// Waits until every Pod of it is ready.
    pub(crate) fn wait_ready(&self) -> Result<()> {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&["wait", "--for=condition=Ready", "pod", "--all", &timeout])
            .map(|_| ())
            .with_context(|| format!("waiting for the Pods of {}", self.name))
    }

    /// Runs a command in a Pod and gives what it prints.
    pub(crate) fn exec(&self, pod: &str, command: &[&str]) -> Result<String> {
        self.kubectl(&[&["exec", pod, "--"], command].concat())
    }

    /// The address of a Pod.
    pub(crate) fn address(&self, pod: &str) -> Result<String> {
        let pod = self.get(&format!("pod/{pod}"))?;
        let address = pod.pointer("/status/podIP").and_then(Value::as_str);
        address.map(ToOwned::to_owned).context("the Pod has no address")
    }

    /// Waits until a request from a Pod is answered, and gives the answer.
    pub(crate) fn curl(&self, pod: &str, url: &str) -> Result<String> {
        wait::until(&format!("{url} to answer {pod}"), PATIENCE, || self.request(pod, url))
    }

    /// Waits until a request from a Pod is refused.
    pub(crate) fn curl_refused(&self, pod: &str, url: &str) -> Result<()> {
        wait::until(&format!("{url} to refuse {pod}"), PATIENCE, || match self.request(pod, url) {
            Ok(answer) => bail!("it answered {answer:?}"),
            Err(_) => Ok(()),
        })
    }

    fn request(&self, pod: &str, url: &str) -> Result<String> {
        self.exec(pod, &["curl", "--silent", "--show-error", "--fail", "--max-time", "5", url])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Another test need not wait for its Pods to end.
        let _ = kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}
