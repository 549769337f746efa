//! Namespaces whose Pods have probes that strict mode refuses. Pure.
//!
//! Kubelet has no identity, and the agent exempts no address of it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler, Namespace, Pod, Probe};

use super::annotations::is_strict;

/// A namespace with such Pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probed {
    /// Its name.
    pub(super) namespace: String,
    /// Whether it is in strict mode.
    pub(super) is_strict: bool,
    /// Names of the Pods.
    pub(super) pods: Vec<String>,
}

/// The namespaces of these Pods that have probes over the network. `default_mode` is the mesh's `mtls`.
#[must_use]
pub(super) fn probed(namespaces: &[Namespace], pods: &[&Pod], default_mode: Option<&str>) -> Vec<Probed> {
    let mut by_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| has_network_probe(pod)) {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        by_namespace.entry(namespace).or_default().push(pod.metadata.name.clone().unwrap_or_default());
    }
    let probed = |(namespace, pods): (&str, Vec<String>)| Probed {
        namespace: namespace.to_owned(),
        is_strict: is_strict(namespaces, namespace, default_mode),
        pods,
    };
    by_namespace.into_iter().map(probed).collect()
}

fn has_network_probe(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let sidecars = spec.init_containers.iter().flatten();
    spec.containers.iter().chain(sidecars).any(is_probed)
}

/// A TCP probe is answered in strict mode too: the node proxy accepts before it judges.
fn is_probed(container: &Container) -> bool {
    let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    let hooks = container.lifecycle.iter().flat_map(|hooks| [&hooks.post_start, &hooks.pre_stop]);
    let is_sent = |probe: &Probe| probe.http_get.is_some() || probe.grpc.is_some();
    let is_called = |hook: &LifecycleHandler| hook.http_get.is_some();
    probes.into_iter().flatten().any(is_sent) || hooks.flatten().any(is_called)
}

#[cfg(test)]
mod tests;
