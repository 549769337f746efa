//! The Kubernetes objects that describe the lab to the controller, as files in one folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::network::Pod;

/// How the names of Pods' files begin.
const POD_FILE: &str = "pod-";

/// The folder that `karez-controller --manifests` watches.
#[derive(Debug)]
pub struct Manifests {
    folder: PathBuf,
}

impl Manifests {
    /// An empty folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes one file, whole or not at all, as an editor or a Git checkout does.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let hidden = self.folder.join(format!(".{name}.new"));
        fs::write(&hidden, text)?;
        fs::rename(&hidden, self.folder.join(name)).with_context(|| format!("writing {name}"))
    }

    /// Removes one file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&self, name: &str) -> Result<()> {
        fs::remove_file(self.folder.join(name)).with_context(|| format!("removing {name}"))
    }

    /// A namespace that is in the mesh, with annotations.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn namespace(&self, name: &str, annotations: &[(&str, &str)]) -> Result<()> {
        let annotations: Value =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        self.object(
            &format!("namespace-{name}.yaml"),
            &json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"karez.dev/mesh": "enabled"}, "annotations": annotations},
            }),
        )
    }

    /// A namespace that is not in the mesh.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn namespace_outside(&self, name: &str) -> Result<()> {
        self.object(
            &format!("namespace-{name}.yaml"),
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        )
    }

    /// A running Pod and its service account.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pod(&self, pod: &Pod) -> Result<()> {
        self.pod_annotated(pod, &[])
    }

    /// A running Pod with annotations.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pod_annotated(&self, pod: &Pod, annotations: &[(&str, &str)]) -> Result<()> {
        self.pod_that_is(pod, annotations, true, false)
    }

    /// A running Pod that takes no connections: its condition `Ready` is `False`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pod_not_ready(&self, pod: &Pod) -> Result<()> {
        self.pod_that_is(pod, &[], false, false)
    }

    /// A Pod that is being deleted and still serves.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pod_terminating(&self, pod: &Pod) -> Result<()> {
        self.pod_that_is(pod, &[], true, true)
    }

    fn pod_that_is(
        &self,
        pod: &Pod,
        annotations: &[(&str, &str)],
        ready: bool,
        terminating: bool,
    ) -> Result<()> {
        let annotations: Value =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let labels: Value = pod.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        self.object(
            &pod_file(pod),
            &json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": pod.name, "namespace": pod.kube_namespace, "labels": labels, "annotations": annotations,
                    "deletionTimestamp": terminating.then_some("2026-11-30T10:00:00Z"),
                },
                "spec": {"nodeName": pod.node, "serviceAccountName": pod.service_account},
                "status": {
                    "phase": "Running", "podIP": pod.v4.to_string(),
                    "podIPs": [{"ip": pod.v4.to_string()}, {"ip": pod.v6.to_string()}],
                    "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                },
            }),
        )
    }

    /// How many Pods have a manifest.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn pods(&self) -> Result<usize> {
        let files = fs::read_dir(&self.folder)?.collect::<Result<Vec<_>, _>>()?;
        Ok(files
            .iter()
            .filter(|file| file.file_name().as_encoded_bytes().starts_with(POD_FILE.as_bytes()))
            .count())
    }

    /// Takes a Pod's manifest away.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_pod(&self, pod: &Pod) -> Result<()> {
        self.remove(&pod_file(pod))
    }

    /// A Service over the Pods with the label `app: NAME`: cluster addresses, then `(port, target port)` pairs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn service(
        &self,
        namespace: &str,
        name: &str,
        addresses: &[&str],
        ports: &[(u16, u16)],
    ) -> Result<()> {
        self.service_with(namespace, name, addresses, ports, &json!({}))
    }

    /// The same with further fields in its `spec`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn service_with(
        &self,
        namespace: &str,
        name: &str,
        addresses: &[&str],
        ports: &[(u16, u16)],
        further: &Value,
    ) -> Result<()> {
        let ports: Vec<_> = ports
            .iter()
            .map(|(port, target)| json!({"name": format!("p{port}"), "port": port, "targetPort": target}))
            .collect();
        let mut spec = json!({
            "selector": {"app": name}, "ports": ports,
            "clusterIP": addresses.first(), "clusterIPs": addresses,
        });
        if let (Some(spec), Some(further)) = (spec.as_object_mut(), further.as_object()) {
            spec.extend(further.clone());
        }
        self.object(
            &format!("service-{namespace}-{name}.yaml"),
            &json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": namespace}, "spec": spec,
            }),
        )
    }

    /// An AuthorizationPolicy with the given `spec`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn policy(&self, namespace: &str, name: &str, spec: &Value) -> Result<()> {
        self.object(
            &format!("policy-{namespace}-{name}.yaml"),
            &json!({
                "apiVersion": "karez.dev/v1alpha1", "kind": "AuthorizationPolicy",
                "metadata": {"name": name, "namespace": namespace}, "spec": spec,
            }),
        )
    }

    /// Takes a policy away.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_policy(&self, namespace: &str, name: &str) -> Result<()> {
        self.remove(&format!("policy-{namespace}-{name}.yaml"))
    }

    /// The mesh's own settings: the `spec` of the `Mesh` named `default`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn mesh(&self, spec: &Value) -> Result<()> {
        self.object(
            "mesh.yaml",
            &json!({
                "apiVersion": "karez.dev/v1alpha1", "kind": "Mesh", "metadata": {"name": "default"}, "spec": spec,
            }),
        )
    }

    // JSON is YAML: objects built as values need no quoting rules.
    fn object(&self, file: &str, object: &Value) -> Result<()> {
        self.write(file, &format!("{}\n", serde_json::to_string_pretty(object)?))
    }
}

fn pod_file(pod: &Pod) -> String {
    format!("{POD_FILE}{}-{}.yaml", pod.kube_namespace, pod.name)
}
