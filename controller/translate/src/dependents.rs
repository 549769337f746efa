//! Who depends on whom.
//!
//! | an object that changed | is asked for by |
//! | --- | --- |
//! | Pod | itself; its namespace, when it comes or goes; who shares its uid; its addresses, when it claims them otherwise |
//! | claims to an address | the address; the Pods and Services that claim it; the endpoints of slices there; who is reached there from outside |
//! | Service | itself; its addresses, when it claims them otherwise; its rivals from outside; the Pods that it selects; its slices and their endpoints |
//! | the controllers' own Service | everything, when it says that the mesh is being uninstalled |
//! | EndpointSlice | itself; the endpoints in it that changed; the first and the last of a Service: that one and the Pods that it selects |
//! | Namespace | itself; its Pods and their addresses, when it enrols them otherwise; its Pods without ports of their own, when its permissive ports change |
//! | AuthorizationPolicy | itself; the Pods that it selects, when it selects otherwise |
//! | Node | its Pods, when its place changes |
//! | ServiceCIDR | the Mesh, whose ranges it adds to |
//! | Mesh | itself; every namespace, when its mode changes; everything, when a domain or a range changes |

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use karez_resources::endpoint_slice::{Endpoint, EndpointSlice};
use karez_resources::mesh::{MESH_NAME, MeshSpec};
use karez_resources::pod::Pod;
use karez_resources::resource::Labels;
use karez_resources::service::Service;
use karez_resources::{Key, Kind};

use crate::object::{Object, Policy};
use crate::relations::Lookup;
use crate::view::View;

/// Something that is computed as a whole, from the objects in force and its own name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    /// What an object becomes. A namespace is one without its object, too: its Pods name it.
    Object(Arc<Key>),
    /// Whose an address is.
    Address(IpAddr),
    /// The endpoint at an address that is no Pod's.
    Endpoint(IpAddr),
}

/// Units to compute anew.
#[derive(Debug)]
pub(crate) struct Dependents<'a> {
    /// After the change.
    view: View<'a>,
    units: &'a mut BTreeSet<Unit>,
}

impl<'a> Dependents<'a> {
    /// Adds to `units`; `view` shows the objects after the change.
    pub(crate) fn new(view: View<'a>, units: &'a mut BTreeSet<Unit>) -> Self {
        Self { view, units }
    }

    /// Those of one object that was `before` and is `after`.
    pub(crate) fn of_change(&mut self, key: &Arc<Key>, before: &Object, after: &Object) {
        self.object(key);
        match key.kind {
            Kind::Pod => self.of_pod(key, before.pod(), after.pod()),
            Kind::Service => self.of_service(key, before.service(), after.service()),
            Kind::EndpointSlice => self.of_slice(key, before.slice(), after.slice()),
            Kind::Namespace => {
                let enrols = |object: &Object| object.namespace(key).is_some_and(|choice| choice.enrolled);
                if enrols(before) != enrols(after) {
                    self.of_enrolment(&key.name);
                }
                if before.permissive_ports() != after.permissive_ports() {
                    self.of_permissive_ports(&key.name);
                }
            }
            Kind::AuthorizationPolicy => {
                let selector = |object: &Object| object.policy(key).and_then(Policy::selector).cloned();
                let (before, after) = (selector(before), selector(after));
                if before != after {
                    let selectors = [before, after].into_iter().flatten();
                    self.selected(&key.namespace, &selectors.map(|it| it.match_labels).collect::<Vec<_>>());
                }
            }
            Kind::Node => {
                let place =
                    |object: &Object| object.node().map(|node| (node.region.clone(), node.zone.clone()));
                if place(before) != place(after) {
                    self.objects(self.view.found_by(&Lookup::OnNode(key.name.clone())));
                }
            }
            // They are the mesh's: see [`Self::of_mesh`].
            Kind::ServiceCidr | Kind::Mesh | Kind::ServiceAccount => {}
        }
    }

    /// Those of the mesh's settings.
    pub(crate) fn of_mesh(&mut self, before: &MeshSpec, after: &MeshSpec) {
        let whole = |mesh: &MeshSpec| {
            (mesh.trust_domain().to_owned(), mesh.cluster_domain().to_owned(), mesh.address_ranges.clone())
        };
        if whole(before) != whole(after) {
            self.everything();
        } else if before.mtls != after.mtls {
            self.namespaces();
        }
    }

    fn object(&mut self, key: &Arc<Key>) {
        self.units.insert(Unit::Object(Arc::clone(key)));
    }

    fn objects(&mut self, keys: &[Arc<Key>]) {
        self.units.extend(keys.iter().cloned().map(Unit::Object));
    }

    fn namespace(&mut self, name: &str) {
        self.object(&Arc::new(Key::new(Kind::Namespace, "", name)));
    }

    fn namespaces(&mut self) {
        let view = self.view;
        let with_object = view.objects.range(Key::new(Kind::Namespace, "", "")..).map(|(key, _)| key);
        with_object.take_while(|key| key.kind == Kind::Namespace).for_each(|key| self.object(key));
        view.relations.namespaces().for_each(|name| self.namespace(name));
    }

    /// All that there is.
    pub(crate) fn everything(&mut self) {
        let view = self.view;
        // A mesh has settings even where nobody wrote them.
        self.object(&Arc::new(Key::new(Kind::Mesh, "", MESH_NAME)));
        view.objects.keys().for_each(|key| self.object(key));
        self.namespaces();
        for lookup in view.relations.lookups() {
            match lookup {
                Lookup::Claims(address) => self.units.insert(Unit::Address(*address)),
                Lookup::EndpointAt(address) => self.units.insert(Unit::Endpoint(*address)),
                Lookup::OutsideAt(_)
                | Lookup::SliceOf(_)
                | Lookup::NamesPod(_)
                | Lookup::Selects { .. }
                | Lookup::Local { .. }
                | Lookup::OnNode(_)
                | Lookup::ServiceRange => false,
            };
        }
    }

    fn of_pod(&mut self, key: &Arc<Key>, before: Option<&Pod>, after: Option<&Pod>) {
        if before.is_some() != after.is_some() {
            self.namespace(&key.namespace);
        }
        let view = self.view;
        let claim = |pod: Option<&Pod>| {
            pod.map(|pod| (pod.addresses.clone(), pod.host_network, pod.deleting, view.is_enrolled(pod)))
        };
        if claim(before) != claim(after) {
            let addresses = [before, after].into_iter().flatten().flat_map(|pod| &pod.addresses);
            addresses.for_each(|address| self.claims(*address));
        }
        let local = |pod: &Pod| Some((pod.node.clone()?, crate::local::uid(pod)));
        let (before, after) = (before.and_then(local), after.and_then(local));
        if before != after {
            for (node, uid) in [before, after].into_iter().flatten() {
                self.objects(view.found_by(&Lookup::Local { node, uid }));
            }
        }
    }

    /// Claims to an address changed, or those who claim it.
    fn claims(&mut self, address: IpAddr) {
        let view = self.view;
        self.units.insert(Unit::Address(address));
        self.objects(view.found_by(&Lookup::Claims(address)));
        self.objects(view.found_by(&Lookup::OutsideAt(address)));
        let slices = view.found_by(&Lookup::EndpointAt(address));
        self.objects(slices);
        if !slices.is_empty() {
            self.units.insert(Unit::Endpoint(address));
        }
    }

    fn of_service(&mut self, key: &Arc<Key>, before: Option<&Service>, after: Option<&Service>) {
        let view = self.view;
        let both = || [before, after].into_iter().flatten();
        if before.map(|service| &service.addresses) != after.map(|service| &service.addresses) {
            both().flat_map(|service| &service.addresses).for_each(|address| self.claims(*address));
        }
        let outside = |service: &Service| {
            (service.external_ips.clone(), service.load_balancer_ips.clone(), service.ports.clone())
        };
        if before.map(outside) != after.map(outside) {
            for address in
                both().flat_map(|service| service.external_ips.iter().chain(&service.load_balancer_ips))
            {
                self.objects(view.found_by(&Lookup::OutsideAt(*address)));
            }
        }
        let serving =
            |service: &Service| (service.ports.clone(), service.publish_not_ready, service.selector.clone());
        if before.map(serving) != after.map(serving) {
            let slices = view.found_by(&Lookup::SliceOf((**key).clone()));
            self.objects(slices);
            for slice in slices.iter().filter_map(|slice| view.object(slice)?.slice()) {
                slice.endpoints.iter().for_each(|endpoint| self.endpoint(&slice.namespace, endpoint));
            }
            self.selected_by(both());
        }
    }

    fn of_slice(&mut self, key: &Arc<Key>, before: Option<&EndpointSlice>, after: Option<&EndpointSlice>) {
        let head =
            |slice: Option<&EndpointSlice>| slice.map(|slice| (slice.service.clone(), slice.ports.clone()));
        let entries =
            |slice: Option<&'_ EndpointSlice>| slice.map_or(&[][..], |slice| &slice.endpoints).to_vec();
        let (old, new) = (entries(before), entries(after));
        let changed: Vec<&Endpoint> = match head(before) == head(after) {
            true => difference(&old, &new),
            false => old.iter().chain(&new).collect(),
        };
        changed.into_iter().for_each(|endpoint| self.endpoint(&key.namespace, endpoint));
        let service = |slice: Option<&EndpointSlice>| slice.and_then(|slice| slice.service.clone());
        let (before, after) = (service(before), service(after));
        if before != after {
            [before, after].into_iter().flatten().for_each(|name| self.of_first_slice(&key.namespace, &name));
        }
    }

    /// A Service has got a slice or lost one: with the first one its selector stops to count.
    fn of_first_slice(&mut self, namespace: &str, service: &str) {
        let view = self.view;
        let key = Key::new(Kind::Service, namespace, service);
        if view.found_by(&Lookup::SliceOf(key.clone())).len() <= 1
            && let Some((key, object)) = view.objects.get_key_value(&key)
        {
            self.object(key);
            self.selected_by(object.service());
        }
    }

    fn endpoint(&mut self, namespace: &str, endpoint: &Endpoint) {
        let view = self.view;
        if let Some(pod) = &endpoint.pod {
            return self.object(&Arc::new(Key::new(Kind::Pod, namespace, pod)));
        }
        for address in &endpoint.addresses {
            self.units.insert(Unit::Endpoint(*address));
            self.objects(view.found_by(&Lookup::Claims(*address)));
        }
    }

    /// The Pods of a namespace are in the mesh by its label now, or no longer.
    fn of_enrolment(&mut self, namespace: &str) {
        let view = self.view;
        for (key, pod) in view.pods_of(namespace) {
            if pod.enrolment.is_none() && !pod.host_network {
                self.object(key);
                pod.addresses.iter().for_each(|address| self.claims(*address));
            }
        }
    }

    /// The Pods of a namespace whose permissive ports are its own.
    fn of_permissive_ports(&mut self, namespace: &str) {
        let view = self.view;
        let pods = view.pods_of(namespace).filter(|(_, pod)| pod.permissive_ports.is_none());
        pods.for_each(|(key, _)| self.object(key));
    }

    fn selected_by<'b>(&mut self, services: impl IntoIterator<Item = &'b Service>) {
        for service in services.into_iter().filter(|service| !service.selector.is_empty()) {
            self.selected(&service.namespace, std::slice::from_ref(&service.selector));
        }
    }

    /// The Pods of a namespace that have all labels of some selector.
    fn selected(&mut self, namespace: &str, selectors: &[Labels]) {
        let view = self.view;
        let has =
            |pod: &Pod, labels: &Labels| labels.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
        for (key, pod) in view.pods_of(namespace) {
            if selectors.iter().any(|labels| has(pod, labels)) {
                self.object(key);
            }
        }
    }
}

/// Endpoints that only one of two lists has.
fn difference<'a>(old: &'a [Endpoint], new: &'a [Endpoint]) -> Vec<&'a Endpoint> {
    type Named<'a> = BTreeMap<(Option<&'a str>, &'a [IpAddr]), Vec<&'a Endpoint>>;
    let named = |list: &'a [Endpoint]| {
        let mut named = Named::new();
        for endpoint in list {
            named.entry((endpoint.pod.as_deref(), &endpoint.addresses)).or_default().push(endpoint);
        }
        named
    };
    let (old, new) = (named(old), named(new));
    let lost = old.iter().filter(|(name, endpoints)| new.get(*name) != Some(*endpoints));
    let gained = new.iter().filter(|(name, endpoints)| old.get(*name) != Some(*endpoints));
    lost.chain(gained).flat_map(|(_, endpoints)| endpoints.iter().copied()).collect()
}
