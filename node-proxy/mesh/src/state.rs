//! The mesh and its lookups.

use std::net::IpAddr;
use std::sync::Arc;

use rpds::HashTrieMapSync;

use crate::object::policy::{Policy, PolicyName};
use crate::object::service::{Service, ServiceName};
use crate::object::settings::{Mtls, Namespace, SameNode, Settings};
use crate::object::workload::Workload;

mod index;
mod policies;
mod services;
mod workloads;

pub use workloads::Endpoint;

/// Everything known about the mesh at one moment.
///
/// A clone is O(1) and shares everything. One writer clones, [applies](Mesh::apply) changes and publishes; readers keep
/// theirs. Lookups are hash lookups and allocate nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mesh {
    pub(crate) settings: Arc<Settings>,
    pub(crate) namespaces: HashTrieMapSync<Arc<str>, Arc<Namespace>>,
    pub(crate) workloads: workloads::Workloads,
    pub(crate) services: services::Services,
    pub(crate) policies: policies::Policies,
}

impl Mesh {
    /// The workload of that uid.
    #[must_use]
    pub fn workload(&self, uid: &str) -> Option<&Arc<Workload>> {
        self.workloads.get(uid)
    }

    /// The workload with the address, in any network. Never one that shares its node's address.
    ///
    /// Of several, for example after a Pod has just inherited the address, a healthy one, then the latest.
    #[must_use]
    pub fn workload_at(&self, address: IpAddr) -> Option<&Arc<Workload>> {
        self.workloads.at(address, |_| true)
    }

    /// The service of that key.
    #[must_use]
    pub fn service(&self, namespace: &str, hostname: &str) -> Option<&Arc<Service>> {
        self.services_named(hostname).iter().find(|service| *service.name.namespace == *namespace)
    }

    /// The services of that lower-case hostname in all namespaces, in no particular order.
    #[must_use]
    pub fn services_named(&self, hostname: &str) -> &[Arc<Service>] {
        self.services.named(hostname)
    }

    /// The service with the virtual address, in any network; the canonical one of several.
    #[must_use]
    pub fn service_at(&self, address: IpAddr) -> Option<&Arc<Service>> {
        self.services.at(address).iter().min_by(|one, other| one.standing().cmp(&other.standing()))
    }

    /// A service's endpoints in the order of their uids, able to take connections or not.
    pub fn endpoints(&self, service: &ServiceName) -> impl Iterator<Item = &Endpoint> {
        self.workloads.endpoints(service)
    }

    /// Whether the workload of that uid is an endpoint of the service.
    #[must_use]
    pub fn is_endpoint(&self, service: &ServiceName, uid: &str) -> bool {
        self.workloads.is_endpoint(service, uid)
    }

    /// The policy of that key.
    #[must_use]
    pub fn policy(&self, name: &PolicyName) -> Option<&Arc<Policy>> {
        self.policies.get(name)
    }

    /// The mesh's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A namespace's settings.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Arc<Namespace>> {
        self.namespaces.get(name)
    }

    /// Whether the namespace's Pods refuse plaintext. A policy enforces that.
    #[must_use]
    pub fn strict(&self, namespace: &str) -> bool {
        let mtls = self.namespace(namespace).map_or(self.settings.mtls, |own| own.mtls);
        mtls == Mtls::Strict
    }

    /// How the namespace's Pods connect to others of their node.
    #[must_use]
    pub fn same_node(&self, namespace: &str) -> SameNode {
        self.namespace(namespace).and_then(|own| own.same_node).unwrap_or(self.settings.same_node)
    }

    /// All workloads, in no particular order.
    pub fn workloads(&self) -> impl ExactSizeIterator<Item = &Arc<Workload>> {
        self.workloads.all()
    }

    /// All services, in no particular order.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.all()
    }

    /// All policies, in no particular order.
    pub fn policies(&self) -> impl ExactSizeIterator<Item = &Arc<Policy>> {
        self.policies.all()
    }

    /// All namespaces with settings, in no particular order.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = &Arc<Namespace>> {
        self.namespaces.values()
    }
}

#[cfg(test)]
mod tests;
