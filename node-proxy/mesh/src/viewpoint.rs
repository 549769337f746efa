//! The mesh as one Pod sees it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::object::service::{Scope, Service, ServiceAddress};
use crate::object::workload::Workload;
use crate::pod::LocalPod;
use crate::state::Mesh;

/// The mesh from one Pod's place: its network gives addresses their meaning, its namespace names, and its location the
/// distance of endpoints.
#[derive(Debug, Clone, Copy)]
pub struct Viewpoint<'a> {
    mesh: &'a Mesh,
    pod: &'a LocalPod,
    workload: Option<&'a Workload>,
}

impl<'a> Viewpoint<'a> {
    /// The mesh as `pod` sees it.
    #[must_use]
    pub fn new(mesh: &'a Mesh, pod: &'a LocalPod) -> Self {
        Self { mesh, pod, workload: pod.workload(mesh).map(|workload| &**workload) }
    }

    /// The mesh that is looked at.
    #[must_use]
    pub fn mesh(&self) -> &'a Mesh {
        self.mesh
    }

    /// The viewing Pod.
    #[must_use]
    pub fn pod(&self) -> &'a LocalPod {
        self.pod
    }

    /// Whether the Pod can dial addresses of that network. While its own network is unknown, it can dial all.
    #[must_use]
    pub fn reaches(&self, network: &str) -> bool {
        self.workload.is_none_or(|own| *own.network == *network)
    }

    /// The workload with the address.
    #[must_use]
    pub fn workload_at(&self, address: IpAddr) -> Option<&'a Arc<Workload>> {
        self.mesh.workloads.at(address, |workload| self.reaches(&workload.network))
    }

    /// The service with the virtual address.
    #[must_use]
    pub fn service_at(&self, address: IpAddr) -> Option<&'a Arc<Service>> {
        self.preferred(self.services_at(address, false))
    }

    /// The services reachable at this external address, such as a load balancer's. Only those with the dialled port:
    /// several services may share a load balancer's or node's address.
    pub(crate) fn services_from_outside(
        &self,
        destination: SocketAddr,
    ) -> impl Iterator<Item = &'a Arc<Service>> + Clone + use<'a> {
        let services = self.services_at(destination.ip(), true);
        services.filter(move |service| service.ports.has(destination.port()))
    }

    fn services_at(
        &self,
        address: IpAddr,
        external: bool,
    ) -> impl Iterator<Item = &'a Arc<Service>> + Clone + use<'a> {
        let view = *self;
        let is_it = move |at: &ServiceAddress| {
            at.address == address && at.external == external && view.reaches(&at.network)
        };
        let services = self.mesh.services.at(address).iter();
        services.filter(move |service| service.addresses.iter().any(is_it))
    }

    /// The preferred service of a name or address: the Pod's own namespace's, then the canonical one, then the first by
    /// name.
    pub(crate) fn preferred(
        &self,
        services: impl Iterator<Item = &'a Arc<Service>>,
    ) -> Option<&'a Arc<Service>> {
        services.min_by(|one, other| self.standing(one).cmp(&self.standing(other)))
    }

    fn standing<'b>(&self, service: &'b Service) -> impl Ord + use<'b> {
        let foreign = service.name.namespace != self.pod.namespace;
        (foreign, service.standing())
    }

    /// How many leading scopes the workload shares with the Pod.
    #[must_use]
    pub fn shared_scopes(&self, scopes: &[Scope], other: &Workload) -> usize {
        scopes.iter().take_while(|scope| self.shares(**scope, other)).count()
    }

    fn shares(&self, scope: Scope, other: &Workload) -> bool {
        let own = |part: fn(&Workload) -> &str| self.workload.map_or("", part);
        let same = |part: fn(&Workload) -> &str| own(part) == part(other);
        match scope {
            // The agent gives it, so it is known before the controller knows the Pod.
            Scope::Node => *self.pod.node == *other.node,
            Scope::Region => same(|workload| &workload.locality.region),
            Scope::Zone => same(|workload| &workload.locality.zone),
            Scope::Subzone => same(|workload| &workload.locality.subzone),
            Scope::Cluster => same(|workload| &workload.cluster),
            Scope::Network => same(|workload| &workload.network),
        }
    }
}

#[cfg(test)]
mod tests;
