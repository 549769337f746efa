//! Workloads by uid, address, name, and the services that they serve.

use std::net::IpAddr;
use std::sync::Arc;

use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

use super::index::Index;
use crate::object::ports::Ports;
use crate::object::service::ServiceName;
use crate::object::workload::{AddressOwner, Health, Workload};

/// A workload that serves a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// The workload.
    pub workload: Arc<Workload>,
    /// Its ports for the service, where they differ from the service's.
    pub ports: Arc<Ports>,
}

/// Ordered, so that one random number always chooses the same endpoint.
type Endpoints = RedBlackTreeMapSync<Arc<str>, Endpoint>;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Workloads {
    by_uid: HashTrieMapSync<Arc<str>, Arc<Workload>>,
    by_address: Index<IpAddr, Workload>,
    by_node_address: Index<IpAddr, Workload>,
    by_hostname: Index<Arc<str>, Workload>,
    // Kept for unknown services too: either may arrive first.
    by_service: HashTrieMapSync<ServiceName, Endpoints>,
}

impl Workloads {
    pub(crate) fn get(&self, uid: &str) -> Option<&Arc<Workload>> {
        self.by_uid.get(uid)
    }

    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Arc<Workload>> {
        self.by_uid.values()
    }

    /// The workload that owns the address.
    pub(crate) fn at(&self, address: IpAddr, admit: impl Fn(&Workload) -> bool) -> Option<&Arc<Workload>> {
        let holders = || self.by_address.all(&address).iter().filter(|workload| admit(workload));
        holders().find(|workload| workload.health == Health::Healthy).or_else(|| holders().next())
    }

    /// Whether it is a node's address, shared by its workloads.
    pub(crate) fn is_node(&self, address: IpAddr) -> bool {
        !self.by_node_address.all(&address).is_empty()
    }

    pub(crate) fn named(&self, hostname: &str) -> &[Arc<Workload>] {
        self.by_hostname.all(hostname)
    }

    pub(crate) fn endpoints(&self, service: &ServiceName) -> impl Iterator<Item = &Endpoint> {
        self.by_service.get(service).into_iter().flat_map(Endpoints::values)
    }

    pub(crate) fn is_endpoint(&self, service: &ServiceName, uid: &str) -> bool {
        self.by_service.get(service).is_some_and(|endpoints| endpoints.contains_key(uid))
    }

    /// A workload that serves the same service.
    pub(crate) fn replica_of(&self, workload: &Workload) -> Option<&Arc<Workload>> {
        let (service, _) = workload.services.first()?;
        self.endpoints(service).next().map(|endpoint| &endpoint.workload)
    }

    /// Replaces `old` by `new`, a workload of the same uid.
    pub(crate) fn replace(&mut self, old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) {
        self.by_address.replace(old, new, |workload| addresses(workload, AddressOwner::Workload));
        self.by_node_address.replace(old, new, |workload| addresses(workload, AddressOwner::Node));
        self.by_hostname.replace(old, new, |workload| workload.hostname.iter().cloned().collect());
        if let Some(old) = old {
            self.by_uid.remove_mut(&old.uid);
            for (service, _) in &old.services {
                self.withdraw(service, &old.uid);
            }
        }
        if let Some(new) = new {
            self.by_uid.insert_mut(Arc::clone(&new.uid), Arc::clone(new));
            for (service, ports) in &new.services {
                self.offer(service, Endpoint { workload: Arc::clone(new), ports: Arc::clone(ports) });
            }
        }
    }

    fn offer(&mut self, service: &ServiceName, endpoint: Endpoint) {
        let mut endpoints = self.by_service.get(service).cloned().unwrap_or_default();
        endpoints.insert_mut(Arc::clone(&endpoint.workload.uid), endpoint);
        self.by_service.insert_mut(service.clone(), endpoints);
    }

    fn withdraw(&mut self, service: &ServiceName, uid: &str) {
        let Some(endpoints) = self.by_service.get_mut(service) else { return };
        endpoints.remove_mut(uid);
        if endpoints.is_empty() {
            self.by_service.remove_mut(service);
        }
    }
}

fn addresses(workload: &Workload, owner: AddressOwner) -> Vec<IpAddr> {
    if workload.address_owner == owner { workload.addresses.clone() } else { Vec::new() }
}
