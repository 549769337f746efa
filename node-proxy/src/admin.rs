//! The configuration dump: the node's view of the mesh as JSON, for humans and scripts.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::operator::NodeReport;
use karez_mesh::{Mesh, Policy, Service, Workload};
use karez_process::http::{Answer, json};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The present dump.
pub(crate) fn dump(mesh: &watch::Receiver<Arc<Mesh>>, report: &watch::Receiver<NodeReport>) -> Answer {
    let mesh = Arc::clone(&mesh.borrow());
    let report = report.borrow().clone();
    let settings = mesh.settings();
    let value = json!({
        "version": report.version,
        "configurationVersion": report.configuration_version,
        "mesh": {
            "trustDomain": settings.trust_domain(),
            "clusterDomain": &*settings.cluster_domain,
            "mtls": shown(&settings.mtls),
            "sameNode": shown(&settings.same_node),
        },
        "pods": report.pods.iter().map(|pod| json!({
            "uid": pod.uid, "namespace": pod.namespace, "name": pod.name, "serviceAccount": pod.service_account,
            "addresses": pod.addresses, "captured": pod.captured, "problem": pod.problem,
        })).collect::<Vec<_>>(),
        "certificates": report.certificates.iter().map(|certificate| json!({
            "identity": certificate.identity, "notAfter": certificate.not_after, "problem": certificate.problem,
        })).collect::<Vec<_>>(),
        "workloads": sorted(mesh.workloads().map(|found| workload(found))),
        "services": sorted(mesh.services().map(|found| service(&mesh, found))),
        "policies": sorted(mesh.policies().map(|found| policy(found))),
    });
    json(format!("{value:#}\n"))
}

fn workload(workload: &Workload) -> (String, Value) {
    let value = json!({
        "uid": &*workload.uid,
        "namespace": &*workload.namespace,
        "name": &*workload.name,
        "identity": workload.identity.to_string(),
        "addresses": workload.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>(),
        "node": &*workload.node,
        "protocol": shown(&workload.protocol),
        "health": shown(&workload.health),
        "policies": workload.policies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "services": workload.services.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
    });
    (workload.uid.as_ref().to_owned(), value)
}

fn service(mesh: &Mesh, service: &Service) -> (String, Value) {
    let name = service.name.to_string();
    let value = json!({
        "name": name,
        "addresses": service.addresses.iter().map(|at| at.address.to_string()).collect::<Vec<_>>(),
        "endpoints": mesh.endpoints(&service.name).map(|endpoint| &*endpoint.workload.uid).collect::<Vec<_>>(),
        "waypoint": service.waypoint.as_ref().map(shown),
    });
    (name, value)
}

fn policy(policy: &Policy) -> (String, Value) {
    let name = policy.name.to_string();
    let value = json!({ "name": name, "scope": shown(&policy.scope), "body": shown(&policy.body) });
    (name, value)
}

fn sorted(values: impl Iterator<Item = (String, Value)>) -> Vec<Value> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    values.into_iter().map(|(_, value)| value).collect()
}

/// For reading only: values without a text form appear in Rust's debug form.
fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}
