//! Which workloads stand behind which Services, and on which ports.
//!
//! By the Service's EndpointSlices if it has any, else by its selector. An address of a slice that is a Pod's means that Pod,
//! whatever the slice calls it: a second workload at the same address, without the Pod's identity, would be spoken to in the
//! clear.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use karez_api::workload::{Port, PortList};
use karez_resources::endpoint_slice::{Endpoint, EndpointSlice, Readiness};
use karez_resources::pod::Pod;
use karez_resources::service::{Service, TargetPort};
use karez_resources::{Key, Kind};

use crate::addresses::{Claims, Standing};
use crate::output::Output;
use crate::relations::Lookup;
use crate::report::Effect;
use crate::services;
use crate::view::View;

/// The ports by Service, named `namespace/hostname`.
pub(crate) type ServicePorts = BTreeMap<String, PortList>;

/// What a Pod stands behind.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    pub(crate) services: ServicePorts,
    /// A slice calls the Pod terminating, which may know it before the Pod's own object says so.
    pub(crate) terminating: bool,
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

/// A slice that counts, with the ports of its Service at its endpoints.
struct Slice<'a> {
    slice: &'a EndpointSlice,
    service: &'a Service,
    ports: Vec<Port>,
}

impl Behind {
    pub(crate) fn of(view: View<'_>, key: &Key, pod: &Pod) -> Self {
        let mut behind = Self::default();
        for service in selecting(view, pod) {
            behind.add_selected(view, service, pod);
        }
        for slice in slices_of_pod(view, key, pod) {
            behind.add_slice(view, &slice, pod);
        }
        behind
    }

    fn add_selected(&mut self, view: View<'_>, service: &Service, pod: &Pod) {
        let number_of = |_: &str, target: &TargetPort| match target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Named(name) => pod.port_named(name),
        };
        if let Some(ports) = ports(service, number_of) {
            merge(&mut self.services, &services::resource_name(view, service), &ports);
        }
    }

    fn add_slice(&mut self, view: View<'_>, slice: &Slice<'_>, pod: &Pod) {
        let own = |endpoint: &&Endpoint| match &endpoint.pod {
            Some(name) => slice.slice.namespace == pod.namespace && *name == pod.name,
            None => endpoint.addresses.iter().any(|address| stands_for(view, *address, pod)),
        };
        let mut own = slice.used().filter(own).peekable();
        if own.peek().is_none() {
            return;
        }
        merge(&mut self.services, &services::resource_name(view, slice.service), &slice.ports);
        // A slice of another namespace has no say: it would take the Pod from the Services of its own.
        self.terminating |= slice.slice.namespace == pod.namespace
            && own.any(|endpoint| endpoint.readiness == Readiness::Terminating);
    }
}

impl<'a> External<'a> {
    /// The endpoint at an address, where that is nobody's.
    pub(crate) fn at(view: View<'a>, address: IpAddr) -> Option<Self> {
        if !matches!(Claims::to(view, address).standing(), Standing::Free) {
            return None;
        }
        let mut external: Option<Self> = None;
        for slice in slices(view, view.found_by(&Lookup::EndpointAt(address))) {
            let is_there =
                |endpoint: &&Endpoint| endpoint.pod.is_none() && endpoint.addresses.contains(&address);
            for endpoint in slice.used().filter(is_there) {
                let external = external.get_or_insert_with(|| Self::of(slice.slice, endpoint));
                external.ready |= endpoint.readiness == Readiness::Ready;
                let name = services::resource_name(view, slice.service);
                merge(&mut external.services, &name, &slice.ports);
            }
        }
        external
    }

    fn of(slice: &'a EndpointSlice, endpoint: &'a Endpoint) -> Self {
        Self { slice, endpoint, ready: false, services: ServicePorts::new() }
    }
}

impl<'a> Slice<'a> {
    fn of(view: View<'a>, slice: &'a EndpointSlice) -> Option<Self> {
        let service = slice.service.as_ref()?;
        let service = view.service(&Key::new(Kind::Service, &slice.namespace, service))?;
        let number_of = |port: &str| slice.ports.iter().find(|one| one.name == port).map(|one| one.port);
        let ports = ports(service, |port, _| number_of(port))?;
        Some(Self { slice, service, ports })
    }

    /// The endpoints that take connections, as the Service sees it.
    fn used(&self) -> impl Iterator<Item = &'a Endpoint> + use<'a> {
        let any = self.service.publish_not_ready;
        self.slice.endpoints.iter().filter(move |endpoint| any || endpoint.readiness != Readiness::NotReady)
    }
}

/// Tells of the endpoints of a slice at addresses that are none of theirs.
pub(crate) fn report(view: View<'_>, key: &Key, slice: &EndpointSlice, output: &mut Output) {
    let Some(slice) = Slice::of(view, slice) else { return };
    for endpoint in slice.used().filter(|endpoint| endpoint.pod.is_none()) {
        for address in &endpoint.addresses {
            if let Standing::Reserved(reserved) = Claims::to(view, *address).standing() {
                output.report(key, "endpoints", &reserved.message(*address), Effect::Nothing);
            }
        }
    }
}

/// The Services that have a Pod by their selector.
fn selecting<'a>(view: View<'a>, pod: &Pod) -> impl Iterator<Item = &'a Service> {
    let by_label = pod.labels.iter().flat_map(move |(label, value)| {
        let (namespace, label, value) = (pod.namespace.clone(), label.clone(), value.clone());
        view.found_by(&Lookup::Selects { namespace, label, value })
    });
    let selects = |service: &Service| {
        service.selector.iter().all(|(label, value)| pod.labels.get(label) == Some(value))
    };
    let selecting = by_label.filter_map(move |key| Some((key, view.service(key).filter(|it| selects(it))?)));
    let has_slices = move |key: &Key| !view.found_by(&Lookup::SliceOf(key.clone())).is_empty();
    selecting.filter(move |(key, _)| !has_slices(key)).map(|(_, service)| service)
}

/// The slices that may name a Pod.
fn slices_of_pod<'a>(view: View<'a>, key: &Key, pod: &Pod) -> Vec<Slice<'a>> {
    let naming = view.found_by(&Lookup::NamesPod(key.clone()));
    let at = pod.addresses.iter().flat_map(|address| view.found_by(&Lookup::EndpointAt(*address)));
    let keys: BTreeSet<&Arc<Key>> = naming.iter().chain(at).collect();
    slices(view, keys)
}

/// Those that count, by Service and then by name.
fn slices<'a>(view: View<'a>, keys: impl IntoIterator<Item = &'a Arc<Key>>) -> Vec<Slice<'a>> {
    let slices = keys.into_iter().filter_map(|key| Slice::of(view, view.object(key)?.slice()?));
    let mut slices: Vec<Slice<'a>> = slices.collect();
    slices.sort_by_key(|it| (&it.service.namespace, &it.service.name, &it.slice.name));
    slices
}

fn stands_for(view: View<'_>, address: IpAddr, wanted: &Pod) -> bool {
    let is_wanted = |pod: &Pod| pod.namespace == wanted.namespace && pod.name == wanted.name;
    wanted.addresses.contains(&address)
        && matches!(Claims::to(view, address).standing(), Standing::Pod(pod) if is_wanted(pod))
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
