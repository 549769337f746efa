//! What the mesh's annotations of namespaces and Pods say, as the controller reads them. Pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use karez_api::names::annotation;
use karez_api::permissive_ports::PermissivePorts;

/// Whether a namespace refuses plaintext. `default_mode` is the mesh's `mtls`. A word that is neither `strict` nor `permissive`
/// closes.
#[must_use]
pub(super) fn is_strict(namespaces: &[Namespace], name: &str, default_mode: Option<&str>) -> bool {
    of_namespace(namespaces, name, annotation::MTLS).or(default_mode).is_some_and(|mode| mode != "permissive")
}

/// Ports of a Pod on which strict mode admits peers without an identity: its own annotation, else its namespace's.
#[must_use]
pub(super) fn permissive_ports(namespaces: &[Namespace], pod: &Pod) -> BTreeSet<u16> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let written = of_pod(pod, annotation::PERMISSIVE_PORTS)
        .or_else(|| of_namespace(namespaces, namespace, annotation::PERMISSIVE_PORTS));
    written.map(|text| PermissivePorts::read(text).ports).unwrap_or_default()
}

/// An annotation of a Pod.
#[must_use]
pub(super) fn of_pod<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn of_namespace<'a>(namespaces: &'a [Namespace], name: &str, key: &str) -> Option<&'a str> {
    let namespace = namespaces.iter().find(|it| it.metadata.name.as_deref() == Some(name))?;
    namespace.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}
