//! Which workloads stand behind which Services, and on which ports.
//!
//! By the Service's EndpointSlices if it has any, else by its selector. An address of a slice that is a Pod's means that Pod,
//! whatever the slice calls it: a second workload at the same address, without the Pod's identity, would be spoken to in the
//! clear.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use karez_api::workload::{Port, PortList};
use karez_resources::endpoint_slice::{Endpoint, EndpointSlice, Readiness};
use karez_resources::pod::Pod;
use karez_resources::service::{Service, TargetPort};

use crate::addresses::{Addresses, Reserved, Standing};
use crate::services;
use crate::view::View;

/// The ports by Service, named `namespace/hostname`.
pub(crate) type ServicePorts = BTreeMap<String, PortList>;

/// Who stands behind Services.
#[derive(Debug, Default)]
pub(crate) struct Endpoints<'a> {
    pods: BTreeMap<(&'a str, &'a str), ServicePorts>,
    /// Pods that a slice calls terminating, which may know it before the Pod's own object says so.
    terminating: BTreeSet<(&'a str, &'a str)>,
    /// Addresses that are no Pod's.
    pub(crate) external: BTreeMap<IpAddr, External<'a>>,
    /// Endpoints at addresses that are none of theirs.
    pub(crate) unused: Vec<Unused<'a>>,
}

/// An endpoint of a slice at one of the mesh's own addresses, which is no Pod's.
#[derive(Debug)]
pub(crate) struct Unused<'a> {
    pub(crate) slice: &'a EndpointSlice,
    pub(crate) address: IpAddr,
    pub(crate) reserved: Reserved<'a>,
}

/// An endpoint outside the mesh.
#[derive(Debug)]
pub(crate) struct External<'a> {
    /// The first slice that names it.
    pub(crate) slice: &'a EndpointSlice,
    pub(crate) endpoint: &'a Endpoint,
    /// Some slice says so.
    pub(crate) ready: bool,
    pub(crate) services: ServicePorts,
}

impl<'a> Endpoints<'a> {
    pub(crate) fn of(view: &View<'a>, addresses: &Addresses<'a>) -> Self {
        let mut endpoints = Self::default();
        let mut slices: BTreeMap<(&str, &str), Vec<&'a EndpointSlice>> = BTreeMap::new();
        for slice in &view.slices {
            if let Some(service) = &slice.service {
                slices.entry((&slice.namespace, service)).or_default().push(slice);
            }
        }
        for service in view.services.iter().filter(|service| !service.external_name) {
            let name = services::resource_name(view, service);
            match slices.get(&(service.namespace.as_str(), service.name.as_str())) {
                Some(slices) => {
                    for slice in slices {
                        endpoints.add_slice(view, addresses, service, &name, slice);
                    }
                }
                None => endpoints.add_selected(view, service, &name),
            }
        }
        endpoints
    }

    /// The Services that a Pod stands behind.
    pub(crate) fn services_of(&self, pod: &Pod) -> ServicePorts {
        self.pods.get(&(pod.namespace.as_str(), pod.name.as_str())).cloned().unwrap_or_default()
    }

    /// Whether a slice calls the Pod terminating.
    pub(crate) fn say_terminating(&self, pod: &Pod) -> bool {
        self.terminating.contains(&(pod.namespace.as_str(), pod.name.as_str()))
    }

    fn add_slice(
        &mut self,
        view: &View<'a>,
        addresses: &Addresses<'a>,
        service: &Service,
        name: &str,
        slice: &'a EndpointSlice,
    ) {
        let number_of = |port: &str| slice.ports.iter().find(|one| one.name == port).map(|one| one.port);
        let ports = ports(service, |port, _| number_of(port));
        let Some(ports) = ports else { return };
        for endpoint in &slice.endpoints {
            if endpoint.readiness == Readiness::NotReady && !service.publish_not_ready {
                continue;
            }
            if let Some(pod) = &endpoint.pod {
                // A slice may be later than the Pod's end; its address may be another's by then.
                if let Some(pod) = view.pods.get(&(slice.namespace.as_str(), pod.as_str())) {
                    self.add_pod(pod, name, &ports);
                    self.note_terminating(pod, slice, endpoint);
                }
                continue;
            }
            for address in &endpoint.addresses {
                match addresses.standing(*address) {
                    Standing::Pod(pod) => {
                        self.add_pod(pod, name, &ports);
                        self.note_terminating(pod, slice, endpoint);
                    }
                    Standing::Free => {
                        let external =
                            self.external.entry(*address).or_insert_with(|| External::of(slice, endpoint));
                        external.ready |= endpoint.readiness == Readiness::Ready;
                        merge(&mut external.services, name, &ports);
                    }
                    Standing::Reserved(reserved) => {
                        self.unused.push(Unused { slice, address: *address, reserved });
                    }
                }
            }
        }
    }

    fn add_selected(&mut self, view: &View<'a>, service: &Service, name: &str) {
        if service.selector.is_empty() {
            return;
        }
        let selected = |pod: &&&Pod| {
            pod.namespace == service.namespace
                && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
        };
        for pod in view.pods.values().filter(selected) {
            let number_of = |_: &str, target: &TargetPort| match target {
                TargetPort::Number(number) => Some(*number),
                TargetPort::Named(name) => pod.port_named(name),
            };
            if let Some(ports) = ports(service, number_of) {
                self.add_pod(pod, name, &ports);
            }
        }
    }

    fn add_pod(&mut self, pod: &'a Pod, service: &str, ports: &[Port]) {
        let services = self.pods.entry((&pod.namespace, &pod.name)).or_default();
        merge(services, service, ports);
    }

    /// A slice of another namespace has no say: it would take the Pod from the Services of its own.
    fn note_terminating(&mut self, pod: &'a Pod, slice: &EndpointSlice, endpoint: &Endpoint) {
        if endpoint.readiness == Readiness::Terminating && slice.namespace == pod.namespace {
            self.terminating.insert((&pod.namespace, &pod.name));
        }
    }
}

impl<'a> External<'a> {
    fn of(slice: &'a EndpointSlice, endpoint: &'a Endpoint) -> Self {
        Self { slice, endpoint, ready: false, services: ServicePorts::new() }
    }
}

/// A Service's ports with the endpoint's numbers; none when the endpoint has none of them.
fn ports(service: &Service, number_of: impl Fn(&str, &TargetPort) -> Option<u16>) -> Option<Vec<Port>> {
    let port = |port: &karez_resources::service::ServicePort| {
        let target = number_of(&port.name, &port.target)?;
        Some(Port { service_port: port.port.into(), target_port: target.into() })
    };
    let ports: Vec<Port> = service.ports.iter().filter_map(port).collect();
    // A headless Service without ports still names its endpoints.
    (!ports.is_empty() || service.ports.is_empty()).then_some(ports)
}

fn merge(services: &mut ServicePorts, service: &str, ports: &[Port]) {
    let list = services.entry(service.to_owned()).or_default();
    for port in ports {
        if !list.ports.iter().any(|known| known.service_port == port.service_port) {
            list.ports.push(*port);
        }
    }
    list.ports.sort_by_key(|port| port.service_port);
}
