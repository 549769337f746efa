//! `Pod` → `Address`, and endpoints that are no Pod.

use std::net::IpAddr;

use karez_api::identity::Identity;
use karez_api::names::{label, type_url};
use karez_api::workload::{
    Address, Locality, NetworkMode, TunnelProtocol, Workload, WorkloadStatus, WorkloadType, address,
};
use karez_resources::pod::{Controller, Pod};
use karez_resources::resource::Labels;
use karez_resources::{Key, Kind};

use crate::addresses::Claims;
use crate::endpoints::{Behind, External};
use crate::options::Options;
use crate::output::Output;
use crate::pods::PodPlacement;
use crate::policies;
use crate::services::octets;
use crate::view::View;

pub(crate) fn translate(view: View<'_>, key: &Key, pod: &Pod, output: &mut Output) {
    let behind = Behind::of(view, key, pod);
    let mut workload = of_pod(view, pod);
    set_health(&mut workload, pod.serves(), pod.deleting || behind.terminating);
    let addresses = pod.addresses.iter().filter(|address| Claims::to(view, **address).serve(pod));
    workload.addresses = addresses.copied().map(octets).collect();
    workload.services = behind.services;
    add(output, workload);
}

/// The endpoint at an address that is nobody's, if a slice names one.
pub(crate) fn translate_endpoint(view: View<'_>, address: IpAddr, output: &mut Output) {
    if let Some(external) = External::at(view, address) {
        add(output, of_external(address, &external, view.options));
    }
}

/// Where a Pod is, and who it is.
pub(crate) fn placement(view: View<'_>, pod: &Pod) -> PodPlacement {
    PodPlacement {
        uid: uid(view.options, pod),
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        node: pod.node.clone(),
        identity: identity(view, pod),
        enrolled: view.is_enrolled(pod),
        permissive_ports: view.permissive_ports(pod).collect(),
    }
}

/// Validated names make a SPIFFE id; were one to make none, the Pod would have no certificate, and say so.
fn identity(view: View<'_>, pod: &Pod) -> Option<Identity> {
    Identity::new(view.mesh.trust_domain(), &pod.namespace, pod.service_account.as_deref()?).ok()
}

fn add(output: &mut Output, workload: Workload) {
    let name = workload.uid.clone();
    output.add(type_url::ADDRESS, name, &Address { r#type: Some(address::Type::Workload(workload)) });
}

fn of_pod(view: View<'_>, pod: &Pod) -> Workload {
    let options = view.options;
    let (workload_type, workload_name) = maker(pod);
    let mut workload = Workload {
        uid: uid(options, pod),
        name: pod.name.clone(),
        namespace: pod.namespace.clone(),
        trust_domain: trust_domain(view),
        service_account: pod.service_account.clone().unwrap_or_default(),
        node: pod.node.clone().unwrap_or_default(),
        canonical_name: first_label(&pod.labels, [label::APP_NAME, label::APP])
            .unwrap_or(&workload_name)
            .to_owned(),
        canonical_revision: first_label(&pod.labels, [label::APP_VERSION, label::VERSION])
            .unwrap_or("latest")
            .to_owned(),
        workload_name,
        authorization_policies: policies::selecting(view, &pod.namespace, &pod.labels),
        cluster_id: options.cluster_id.clone(),
        locality: of_pods_place(view, pod),
        permissive_ports: view.permissive_ports(pod).map(u32::from).collect(),
        ..Workload::default()
    };
    workload.set_workload_type(workload_type);
    workload.set_tunnel_protocol(if view.is_enrolled(pod) {
        TunnelProtocol::Hbone
    } else {
        TunnelProtocol::None
    });
    workload.set_network_mode(if pod.host_network {
        NetworkMode::HostNetwork
    } else {
        NetworkMode::Standard
    });
    workload
}

/// By the Pod's own labels, which Kubernetes copies from its Node since 1.35; else by the Node's.
fn of_pods_place(view: View<'_>, pod: &Pod) -> Option<Locality> {
    let node = pod.node.as_ref().and_then(|name| view.object(&Key::new(Kind::Node, "", name))?.node());
    let region = first_label(&pod.labels, [label::REGION]).or(node.and_then(|node| node.region.as_deref()));
    let zone = first_label(&pod.labels, [label::ZONE]).or(node.and_then(|node| node.zone.as_deref()));
    locality(region, zone)
}

/// An endpoint that ends is used where nobody else is left; a node proxy that does not know that takes it for unhealthy.
fn set_health(workload: &mut Workload, serves: bool, terminating: bool) {
    let is_healthy = serves && !terminating;
    workload.set_status(if is_healthy { WorkloadStatus::Healthy } else { WorkloadStatus::Unhealthy });
    workload.terminating = serves && terminating;
}

fn of_external(address: IpAddr, external: &External<'_>, options: &Options) -> Workload {
    let External { slice, endpoint, ready, services } = external;
    let mut workload = Workload {
        uid: format!(
            "{}/discovery.k8s.io/EndpointSlice/{}/{}/{address}",
            options.cluster_id, slice.namespace, slice.name
        ),
        name: slice.name.clone(),
        namespace: slice.namespace.clone(),
        addresses: vec![octets(address)],
        node: endpoint.node.clone().unwrap_or_default(),
        workload_type: WorkloadType::Pod.into(),
        workload_name: slice.name.clone(),
        cluster_id: options.cluster_id.clone(),
        services: services.clone(),
        locality: locality(None, endpoint.zone.as_deref()),
        ..Workload::default()
    };
    set_health(&mut workload, true, !ready);
    workload
}

fn uid(options: &Options, pod: &Pod) -> String {
    format!("{}//Pod/{}/{}", options.cluster_id, pod.namespace, pod.name)
}

/// Istio's node proxy takes an absent trust domain for `cluster.local`.
fn trust_domain(view: View<'_>) -> String {
    match view.mesh.trust_domain() {
        "cluster.local" => String::new(),
        other => other.to_owned(),
    }
}

fn first_label<'a, const N: usize>(labels: &'a Labels, keys: [&str; N]) -> Option<&'a str> {
    keys.into_iter().find_map(|key| labels.get(key)).map(String::as_str).filter(|value| !value.is_empty())
}

fn locality(region: Option<&str>, zone: Option<&str>) -> Option<Locality> {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    (region.is_some() || zone.is_some()).then(|| Locality {
        region: text(region),
        zone: text(zone),
        subzone: String::new(),
    })
}

/// What telemetry calls the workload: the object that the user wrote, not the one that made the Pod for it.
fn maker(pod: &Pod) -> (WorkloadType, String) {
    let Some(Controller { kind, name }) = &pod.controller else {
        return (WorkloadType::Pod, pod.name.clone());
    };
    match kind.as_str() {
        "ReplicaSet" => {
            match pod.labels.get("pod-template-hash").and_then(|hash| name.strip_suffix(hash.as_str())) {
                Some(deployment) => (WorkloadType::Deployment, deployment.trim_end_matches('-').to_owned()),
                None => (WorkloadType::Pod, name.clone()),
            }
        }
        "Job" => match name.rsplit_once('-') {
            // A CronJob names its Jobs by the minutes since the epoch.
            Some((cron_job, minutes))
                if minutes.len() >= 8 && minutes.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                (WorkloadType::Cronjob, cron_job.to_owned())
            }
            _ => (WorkloadType::Job, name.clone()),
        },
        _ => (WorkloadType::Pod, name.clone()),
    }
}
