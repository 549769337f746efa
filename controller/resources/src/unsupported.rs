//! What a Service, a Pod or an EndpointSlice says and the mesh does not do.
//!
//! Each field of these that changes where traffic goes, or whom it reaches, either works or has a row here, so that it is told
//! and misleads nobody. `docs/policy.md` lists both. What is kube-proxy's business alone, such as node ports, has none.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use karez_api::names::label;

/// A field of an object that is in force without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// Its path.
    pub field: &'static str,
    /// What the mesh does instead, and what to do.
    pub message: &'static str,
}

/// A row of the table: what is told of a field, and of which objects.
struct Row<T> {
    told: Unsupported,
    holds: fn(&T) -> bool,
}

const SERVICE: [Row<core::Service>; 6] = [
    row(
        "spec.clusterIP",
        "is absent, so the Service has a name and no address: give it one, or say None if that is meant",
        |service| {
            let spec = service.spec.as_ref();
            let is_alias = spec.is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName"));
            let one = spec.and_then(|spec| spec.cluster_ip.as_deref());
            let all = spec.and_then(|spec| spec.cluster_ips.as_deref()).unwrap_or_default();
            !is_alias && one.unwrap_or_default().is_empty() && all.is_empty()
        },
    ),
    row(
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        "a client keeps its endpoint for as long as that is ready, however long it is silent: leave the field out",
        |service| affinity_timeout(service).is_some_and(|seconds| seconds != DEFAULT_AFFINITY_TIMEOUT),
    ),
    row(
        "spec.trafficDistribution",
        "is not known here, so all endpoints are alike: say PreferSameZone or PreferSameNode",
        |service| {
            let written = service.spec.as_ref().and_then(|spec| spec.traffic_distribution.as_deref());
            !matches!(written, None | Some("" | "PreferClose" | "PreferSameZone" | "PreferSameNode"))
        },
    ),
    row(
        "metadata.annotations[service.kubernetes.io/topology-mode]",
        "the hints that it asks for are not read, so all endpoints are alike: say trafficDistribution: PreferSameZone",
        |service| has_topology_mode(service, "service.kubernetes.io/topology-mode"),
    ),
    row(
        "metadata.annotations[service.kubernetes.io/topology-aware-hints]",
        "the hints that it asks for are not read, so all endpoints are alike: say trafficDistribution: PreferSameZone",
        |service| has_topology_mode(service, "service.kubernetes.io/topology-aware-hints"),
    ),
    row(
        "spec.loadBalancerSourceRanges",
        "Pods of the mesh reach the load balancer's addresses whatever their own: say it in an AuthorizationPolicy",
        |service| {
            let ranges = service.spec.as_ref().and_then(|spec| spec.load_balancer_source_ranges.as_ref());
            let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
            let mut ingress = balancer.iter().flat_map(|status| status.ingress.iter().flatten());
            ranges.is_some_and(|ranges| !ranges.is_empty()) && ingress.any(|ingress| ingress.ip.is_some())
        },
    ),
];

const POD: [Row<core::Pod>; 1] = [row(
    "metadata.labels[karez.dev/mesh]",
    "a Pod with hostNetwork shares its node's network and is never in the mesh: take the label or hostNetwork away",
    |pod| {
        let on_host = pod.spec.as_ref().and_then(|spec| spec.host_network).unwrap_or(false);
        let labels = pod.metadata.labels.as_ref();
        on_host && labels.and_then(|labels| labels.get(label::MESH)).is_some_and(|value| value == "enabled")
    },
)];

const ENDPOINT_SLICE: [Row<discovery::EndpointSlice>; 1] = [row(
    "addressType",
    "host names are nobody's endpoints: list addresses, in a slice of type IPv4 or IPv6",
    |slice| slice.address_type == "FQDN",
)];

/// What the API server writes where the user does not.
const DEFAULT_AFFINITY_TIMEOUT: i32 = 10_800;

pub(crate) fn of_service(service: &core::Service) -> Vec<Unsupported> {
    told(&SERVICE, service)
}

pub(crate) fn of_pod(pod: &core::Pod) -> Vec<Unsupported> {
    told(&POD, pod)
}

pub(crate) fn of_endpoint_slice(slice: &discovery::EndpointSlice) -> Vec<Unsupported> {
    told(&ENDPOINT_SLICE, slice)
}

const fn row<T>(field: &'static str, message: &'static str, holds: fn(&T) -> bool) -> Row<T> {
    Row { told: Unsupported { field, message }, holds }
}

fn told<T>(table: &[Row<T>], object: &T) -> Vec<Unsupported> {
    table.iter().filter(|row| (row.holds)(object)).map(|row| row.told).collect()
}

fn affinity_timeout(service: &core::Service) -> Option<i32> {
    let spec = service.spec.as_ref().filter(|spec| spec.session_affinity.as_deref() == Some("ClientIP"))?;
    spec.session_affinity_config.as_ref()?.client_ip.as_ref()?.timeout_seconds
}

fn has_topology_mode(service: &core::Service, annotation: &str) -> bool {
    let written = service.metadata.annotations.as_ref().and_then(|all| all.get(annotation));
    written.is_some_and(|mode| mode.eq_ignore_ascii_case("auto"))
}

#[cfg(test)]
mod tests;
