//! Objects by what they have in common: the few questions that no key answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use karez_resources::{Key, Kind};

use crate::object::{Object, Policy};

/// Something that objects are found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Lookup {
    /// Pods and Services that claim an address.
    Claims(IpAddr),
    /// Services that are reached from outside at an address.
    OutsideAt(IpAddr),
    /// EndpointSlices of a Service.
    SliceOf(Key),
    /// EndpointSlices that name a Pod.
    NamesPod(Key),
    /// EndpointSlices with an endpoint at an address that names no Pod.
    EndpointAt(IpAddr),
    /// Services and policies of a namespace that select by this label, the first of theirs.
    Selects { namespace: String, label: String, value: String },
    /// Pods of a node by uid.
    Local { node: String, uid: String },
    /// Pods of a node.
    OnNode(String),
    /// ServiceCIDRs.
    ServiceRange,
}

/// All objects by what they are found by.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// Sorted.
    by_lookup: HashMap<Lookup, Vec<Arc<Key>>>,
    /// How many Pods that have not ended a namespace has.
    live_pods: HashMap<String, usize>,
}

impl Relations {
    /// The objects that are found so, sorted.
    pub(crate) fn found_by(&self, lookup: &Lookup) -> &[Arc<Key>] {
        self.by_lookup.get(lookup).map_or(&[], Vec::as_slice)
    }

    /// Everything that some object is found by.
    pub(crate) fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        self.by_lookup.keys()
    }

    pub(crate) fn has_pods(&self, namespace: &str) -> bool {
        self.live_pods.contains_key(namespace)
    }

    /// Namespaces with Pods.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.live_pods.keys().map(String::as_str)
    }

    pub(crate) fn add(&mut self, key: &Arc<Key>, object: &Object) {
        for lookup in lookups_of(key, object) {
            let keys = self.by_lookup.entry(lookup).or_default();
            if let Err(at) = keys.binary_search(key) {
                keys.insert(at, Arc::clone(key));
            }
        }
        if object.pod().is_some() {
            *self.live_pods.entry(key.namespace.clone()).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: &Arc<Key>, object: &Object) {
        for lookup in lookups_of(key, object) {
            let Some(keys) = self.by_lookup.get_mut(&lookup) else { continue };
            if let Ok(at) = keys.binary_search(key) {
                keys.remove(at);
            }
            if keys.is_empty() {
                self.by_lookup.remove(&lookup);
            }
        }
        if object.pod().is_some()
            && let Some(count) = self.live_pods.get_mut(&key.namespace)
        {
            *count -= 1;
            if *count == 0 {
                self.live_pods.remove(&key.namespace);
            }
        }
    }
}

fn lookups_of(key: &Key, object: &Object) -> Vec<Lookup> {
    let mut lookups = Vec::new();
    let selects = |(label, value): (&String, &String)| Lookup::Selects {
        namespace: key.namespace.clone(),
        label: label.clone(),
        value: value.clone(),
    };
    if let Some(pod) = object.pod() {
        lookups.extend(pod.addresses.iter().copied().map(Lookup::Claims));
        let local = |node: &String| Lookup::Local { node: node.clone(), uid: crate::local::uid(pod) };
        lookups.extend(pod.node.as_ref().map(local));
        lookups.extend(pod.node.clone().map(Lookup::OnNode));
    }
    if let Some(service) = object.service() {
        lookups.extend(service.addresses.iter().copied().map(Lookup::Claims));
        let outside = service.external_ips.iter().chain(&service.load_balancer_ips);
        lookups.extend(outside.copied().map(Lookup::OutsideAt));
        lookups.extend(service.selector.first_key_value().map(selects));
    }
    if let Some(slice) = object.slice() {
        let service = slice.service.as_ref();
        lookups.extend(service.map(|name| Lookup::SliceOf(Key::new(Kind::Service, &slice.namespace, name))));
        for endpoint in &slice.endpoints {
            match &endpoint.pod {
                Some(pod) => lookups.push(Lookup::NamesPod(Key::new(Kind::Pod, &slice.namespace, pod))),
                None => lookups.extend(endpoint.addresses.iter().copied().map(Lookup::EndpointAt)),
            }
        }
    }
    lookups.extend(object.service_cidr().map(|_| Lookup::ServiceRange));
    if let Some(selector) = object.policy(key).and_then(Policy::selector) {
        lookups.extend(selector.match_labels.first_key_value().map(selects));
    }
    lookups
}
