//! The simulated mesh: in each namespace a hundred Pods, behind ten Services by EndpointSlices.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

/// Pods of one namespace.
pub const PODS_PER_NAMESPACE: u32 = 100;
const PODS_PER_SERVICE: u32 = 10;
const SERVICES_PER_NAMESPACE: u32 = PODS_PER_NAMESPACE / PODS_PER_SERVICE;
const NODES: u32 = 1000;
/// Addresses that no Pod of the lab has.
const FIRST_POD: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
const FIRST_SERVICE: Ipv4Addr = Ipv4Addr::new(172, 16, 1, 0);

/// The name of a node, by its number.
#[must_use]
pub fn node(number: u32) -> String {
    format!("node-{number}")
}

/// A namespace that is in the mesh.
#[must_use]
pub fn namespace(number: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name_of_namespace(number), "labels": {"karez.dev/mesh": "enabled"}},
    })
}

/// A running Pod of a Deployment. Another `revision` of it changes its workload and nothing else.
#[must_use]
pub fn pod(number: u32, revision: u32) -> Value {
    let service = number / PODS_PER_SERVICE;
    let address = address(FIRST_POD, number);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name_of_pod(number), "namespace": name_of_namespace(number / PODS_PER_NAMESPACE),
            "uid": format!("7d3a5c1e-0000-4000-8000-{number:012}"),
            "labels": {
                "app": name_of_service(service), "version": format!("v{revision}"),
                "pod-template-hash": "6d5fbb7cd", "app.kubernetes.io/part-of": "shop",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{}-6d5fbb7cd", name_of_service(service)),
                "uid": format!("3b1c9a52-0000-4000-8000-{service:012}"), "controller": true,
            }],
        },
        "spec": {
            "nodeName": node(number % NODES), "serviceAccountName": "web",
            "containers": [{"name": "web", "image": "shop/web:1", "ports": [{"name": "http", "containerPort": 8080}]}],
        },
        "status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

/// Namespace and name of a Pod.
#[must_use]
pub fn reference(pod: u32) -> (String, String) {
    (name_of_namespace(pod / PODS_PER_NAMESPACE), name_of_pod(pod))
}

/// What a node proxy knows a Pod by.
#[must_use]
pub fn resource_name(pod: u32) -> String {
    let (namespace, name) = reference(pod);
    format!("Kubernetes//Pod/{namespace}/{name}")
}

/// The Services of a namespace, each with its slice.
#[must_use]
pub fn services(namespace: u32) -> Vec<Value> {
    let first = namespace * SERVICES_PER_NAMESPACE;
    (first..first + SERVICES_PER_NAMESPACE).flat_map(|number| service(namespace, number)).collect()
}

fn service(namespace: u32, number: u32) -> [Value; 2] {
    let (name, namespace) = (name_of_service(number), name_of_namespace(namespace));
    let address = address(FIRST_SERVICE, number);
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterIP": address, "clusterIPs": [address], "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    });
    let first = number * PODS_PER_SERVICE;
    let endpoints: Vec<Value> = (first..first + PODS_PER_SERVICE).map(endpoint).collect();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{name}-x7k2p"), "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
    });
    [service, slice]
}

fn endpoint(pod: u32) -> Value {
    let namespace = name_of_namespace(pod / PODS_PER_NAMESPACE);
    json!({
        "addresses": [address(FIRST_POD, pod)], "conditions": {"ready": true}, "nodeName": node(pod % NODES),
        "targetRef": {"kind": "Pod", "name": name_of_pod(pod), "namespace": namespace},
    })
}

fn name_of_namespace(number: u32) -> String {
    format!("ns-{number}")
}

fn name_of_pod(number: u32) -> String {
    format!("web-6d5fbb7cd-{number}")
}

fn name_of_service(number: u32) -> String {
    format!("s-{number}")
}

fn address(first: Ipv4Addr, number: u32) -> IpAddr {
    Ipv4Addr::from_bits(first.to_bits().saturating_add(number)).into()
}
