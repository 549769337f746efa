//! Which objects have something in common: the few questions that no key answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use karez_resources::{Key, Kind};

use crate::object::{Object, Policy};

/// Something that objects are found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Trait {
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

/// Objects by what they have in common.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// Sorted.
    by_trait: HashMap<Trait, Vec<Arc<Key>>>,
    /// How many Pods that have not ended a namespace has.
    live_pods: HashMap<String, usize>,
}

impl Relations {
    /// The objects that have it, sorted.
    pub(crate) fn with(&self, one: &Trait) -> &[Arc<Key>] {
        self.by_trait.get(one).map_or(&[], Vec::as_slice)
    }

    /// Everything that some object has.
    pub(crate) fn traits(&self) -> impl Iterator<Item = &Trait> {
        self.by_trait.keys()
    }

    pub(crate) fn has_pods(&self, namespace: &str) -> bool {
        self.live_pods.contains_key(namespace)
    }

    /// Namespaces with Pods.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.live_pods.keys().map(String::as_str)
    }

    pub(crate) fn add(&mut self, key: &Arc<Key>, object: &Object) {
        for one in traits_of(key, object) {
            let keys = self.by_trait.entry(one).or_default();
            if let Err(at) = keys.binary_search(key) {
                keys.insert(at, Arc::clone(key));
            }
        }
        if object.pod().is_some() {
            *self.live_pods.entry(key.namespace.clone()).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: &Arc<Key>, object: &Object) {
        for one in traits_of(key, object) {
            let Some(keys) = self.by_trait.get_mut(&one) else { continue };
            if let Ok(at) = keys.binary_search(key) {
                keys.remove(at);
            }
            if keys.is_empty() {
                self.by_trait.remove(&one);
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

fn traits_of(key: &Key, object: &Object) -> Vec<Trait> {
    let mut traits = Vec::new();
    let selects = |(label, value): (&String, &String)| Trait::Selects {
        namespace: key.namespace.clone(),
        label: label.clone(),
        value: value.clone(),
    };
    if let Some(pod) = object.pod() {
        traits.extend(pod.addresses.iter().copied().map(Trait::Claims));
        let local = |node: &String| Trait::Local { node: node.clone(), uid: crate::local::uid(pod) };
        traits.extend(pod.node.as_ref().map(local));
        traits.extend(pod.node.clone().map(Trait::OnNode));
    }
    if let Some(service) = object.service() {
        traits.extend(service.addresses.iter().copied().map(Trait::Claims));
        let outside = service.external_ips.iter().chain(&service.load_balancer_ips);
        traits.extend(outside.copied().map(Trait::OutsideAt));
        traits.extend(service.selector.first_key_value().map(selects));
    }
    if let Some(slice) = object.slice() {
        let service = slice.service.as_ref();
        traits.extend(service.map(|name| Trait::SliceOf(Key::new(Kind::Service, &slice.namespace, name))));
        for endpoint in &slice.endpoints {
            match &endpoint.pod {
                Some(pod) => traits.push(Trait::NamesPod(Key::new(Kind::Pod, &slice.namespace, pod))),
                None => traits.extend(endpoint.addresses.iter().copied().map(Trait::EndpointAt)),
            }
        }
    }
    traits.extend(object.service_cidr().map(|_| Trait::ServiceRange));
    if let Some(selector) = object.policy(key).and_then(Policy::selector) {
        traits.extend(selector.match_labels.first_key_value().map(selects));
    }
    traits
}
