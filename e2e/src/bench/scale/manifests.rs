//! The simulated mesh as a folder of manifests: a file for each namespace, and one for each Pod that is to change.

use std::collections::BTreeSet;

use anyhow::Result;
use karez_lab::manifests::Manifests;
use serde_json::Value;

use super::objects::{self, PODS_PER_NAMESPACE};

/// Writes so many Pods, of whom `loose` have files of their own.
///
/// # Errors
/// When a file cannot be written.
pub fn fill(manifests: &Manifests, pods: u32, loose: &BTreeSet<u32>) -> Result<()> {
    for namespace in 0..pods / PODS_PER_NAMESPACE {
        let first = namespace * PODS_PER_NAMESPACE;
        let bound = (first..first + PODS_PER_NAMESPACE).filter(|pod| !loose.contains(pod));
        let mut items = vec![objects::namespace(namespace)];
        items.extend(objects::services(namespace));
        items.extend(bound.map(|pod| objects::pod(pod, 0)));
        manifests.write(&format!("simulated-{namespace}.yaml"), &documents(&items))?;
    }
    loose.iter().try_for_each(|pod| change(manifests, *pod, 0))
}

/// Writes another revision of a Pod that has a file of its own.
///
/// # Errors
/// When the file cannot be written.
pub fn change(manifests: &Manifests, pod: u32, revision: u32) -> Result<()> {
    manifests.write(&format!("simulated-pod-{pod}.yaml"), &documents(&[objects::pod(pod, revision)]))
}

// JSON is YAML.
fn documents(items: &[Value]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect::<Vec<_>>().join("---\n")
}
