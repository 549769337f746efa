//! Callers without an identity whom strict mode refuses: the API server, and a Prometheus outside of the mesh. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::annotations::{is_strict, of_pod, permissive_ports};
use super::backends::Backend;
use super::pod_name;

/// Asks Prometheus to scrape a Pod.
const SCRAPE: &str = "prometheus.io/scrape";
/// The port to scrape; absent, all that the Pod's containers name.
const SCRAPE_PORT: &str = "prometheus.io/port";

/// Who calls without an identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    /// The API server, for the object that names the backend.
    ApiServer {
        /// Such as `APIService v1beta1.metrics.k8s.io`.
        named_by: String,
    },
    /// A Prometheus that reads the Pods' annotations.
    Prometheus,
}

/// Pods of a namespace that a caller reaches on a port that is not exempt from strict mode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RefusedCaller {
    /// Who calls.
    pub(super) caller: Caller,
    /// The Pods' namespace.
    pub(super) namespace: String,
    /// The Pods' port.
    pub(super) port: u16,
    /// Whether the namespace is in strict mode.
    pub(super) is_strict: bool,
    /// `NAMESPACE/NAME`.
    pub(super) pods: Vec<String>,
}

/// What strict mode is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes<'a> {
    /// All namespaces.
    pub(super) namespaces: &'a [Namespace],
    /// The mesh's `mtls`.
    pub(super) default_mode: Option<&'a str>,
}

/// Those of `pods`, which are in the mesh, that such callers want to reach.
#[must_use]
pub(super) fn refused_callers(
    modes: Modes<'_>,
    pods: &[&Pod],
    services: &[Service],
    backends: &[Backend],
) -> Vec<RefusedCaller> {
    let of_backends = backends.iter().flat_map(|backend| called(pods, services, backend));
    let of_prometheus = pods.iter().flat_map(|pod| scraped(pod));
    let mut refused: BTreeMap<(Caller, String, u16), BTreeSet<String>> = BTreeMap::new();
    for Call { caller, pod, port } in of_backends.chain(of_prometheus) {
        if !permissive_ports(modes.namespaces, pod).contains(&port) {
            let namespace = pod.metadata.namespace.clone().unwrap_or_default();
            refused.entry((caller, namespace, port)).or_default().insert(pod_name(pod));
        }
    }
    let refused = refused.into_iter().map(|((caller, namespace, port), pods)| RefusedCaller {
        is_strict: is_strict(modes.namespaces, &namespace, modes.default_mode),
        pods: pods.into_iter().collect(),
        caller,
        namespace,
        port,
    });
    refused.collect()
}

/// A caller's way to a Pod.
struct Call<'a> {
    caller: Caller,
    pod: &'a Pod,
    port: u16,
}

fn called<'a>(pods: &[&'a Pod], services: &[Service], backend: &Backend) -> Vec<Call<'a>> {
    let is_it = |service: &&Service| {
        service.metadata.namespace.as_ref() == Some(&backend.namespace)
            && service.metadata.name.as_ref() == Some(&backend.service)
    };
    let Some(service) = services.iter().find(is_it) else { return Vec::new() };
    let selected = pods.iter().filter(|pod| selects(service, pod));
    let caller = || Caller::ApiServer { named_by: backend.named_by.clone() };
    let call =
        |pod: &&'a Pod| Some(Call { caller: caller(), pod, port: target(service, backend.port, pod)? });
    selected.filter_map(call).collect()
}

/// A Service without a selector selects nobody.
fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    let has = |key: &str, value: &String| labels.and_then(|labels| labels.get(key)) == Some(value);
    service.metadata.namespace == pod.metadata.namespace
        && selector.is_some_and(|it| !it.is_empty() && it.iter().all(|(key, value)| has(key, value)))
}

/// The Pod's port behind one of the Service's.
fn target(service: &Service, port: i32, pod: &Pod) -> Option<u16> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    let number = match ports.iter().find(|it| it.port == port)?.target_port.as_ref() {
        None => port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let named = container_ports(pod).find(|(it, _)| *it == Some(name.as_str()));
            named.map(|(_, number)| number)?
        }
    };
    u16::try_from(number).ok()
}

fn scraped(pod: &Pod) -> Vec<Call<'_>> {
    if of_pod(pod, SCRAPE) != Some("true") {
        return Vec::new();
    }
    let ports: BTreeSet<u16> = match of_pod(pod, SCRAPE_PORT) {
        Some(port) => port.parse().into_iter().collect(),
        None => container_ports(pod).filter_map(|(_, number)| number.try_into().ok()).collect(),
    };
    ports.into_iter().map(|port| Call { caller: Caller::Prometheus, pod, port }).collect()
}

/// TCP ports of the containers, native sidecars included, each with its name.
fn container_ports(pod: &Pod) -> impl Iterator<Item = (Option<&str>, i32)> {
    let spec = pod.spec.iter();
    let containers =
        spec.flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .filter(|port| matches!(port.protocol.as_deref(), None | Some("TCP")))
        .map(|port| (port.name.as_deref(), port.container_port))
}

#[cfg(test)]
mod tests;
