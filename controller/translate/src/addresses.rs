//! Whose an address is.
//!
//! Each namespace writes objects of its own, and an object may name any address. Two claims that cannot both be true are in
//! conflict, and nothing tells which one is false: the address is *contested*, and node proxies refuse connections to it. A Pod
//! in the mesh keeps serving the Services that select it, because there it has to prove its identity.

use std::collections::BTreeMap;
use std::net::IpAddr;

use karez_resources::ip_block::IpBlock;
use karez_resources::pod::Pod;
use karez_resources::service::Service;

use crate::services;
use crate::view::View;

mod claimant;
mod reports;

use claimant::Claimant;

/// The objects that claim each address.
#[derive(Debug, Default)]
pub(crate) struct Addresses<'a> {
    /// Pods by name, then Services by resource name.
    claims: BTreeMap<IpAddr, Vec<Claimant<'a>>>,
    /// The mesh's own prefixes; empty when not configured.
    ranges: Vec<IpBlock>,
}

/// What an address is to an endpoint of a slice that names no Pod.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// This Pod's.
    Pod(&'a Pod),
    /// Nobody's that the mesh protects: it is outside, or a node's.
    Free,
    /// One of the mesh's own, and no Pod's: never spoken to in the clear.
    Reserved(Reserved<'a>),
}

/// Why an address is no endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reserved<'a> {
    /// A Service has it.
    Service(&'a Service),
    /// Two objects claim it.
    Contested,
    /// It lies in the mesh's ranges, and no Pod has it.
    Unheld,
}

impl<'a> Addresses<'a> {
    pub(crate) fn of(view: &View<'a>) -> Self {
        let mut addresses = Self { claims: BTreeMap::new(), ranges: view.mesh.address_ranges.clone() };
        for pod in view.pods.values() {
            addresses.claim(&pod.addresses, Claimant::of_pod(view, pod));
        }
        let mut services: Vec<&Service> =
            view.services.iter().copied().filter(|service| !service.external_name).collect();
        services.sort_by_cached_key(|service| services::resource_name(view, service));
        for service in services {
            addresses.claim(&service.addresses, Claimant::Service(service));
        }
        for claimants in addresses.claims.values_mut() {
            give_way(claimants);
        }
        addresses
    }

    fn claim(&mut self, addresses: &[IpAddr], claimant: Claimant<'a>) {
        for address in addresses {
            self.claims.entry(*address).or_default().push(claimant);
        }
    }

    /// Addresses to which connections are refused.
    pub(crate) fn contested(&self) -> impl Iterator<Item = IpAddr> {
        self.claims.keys().copied().filter(|address| self.is_contested(*address))
    }

    /// What the address is to an endpoint of a slice that names no Pod.
    pub(crate) fn standing(&self, address: IpAddr) -> Standing<'a> {
        match self.claimants(address).first() {
            Some(_) if self.is_contested(address) => Standing::Reserved(Reserved::Contested),
            Some(Claimant::Pod { pod, .. }) => Standing::Pod(pod),
            Some(Claimant::Service(service)) => Standing::Reserved(Reserved::Service(service)),
            Some(Claimant::Node(_)) => Standing::Free,
            None if self.is_in_ranges(address) => Standing::Reserved(Reserved::Unheld),
            None => Standing::Free,
        }
    }

    /// The addresses at which a Pod is served. One address cannot stand for two identities, and a contested one only for Pods
    /// that prove theirs.
    pub(crate) fn of_pod<'b>(&'b self, pod: &'b Pod) -> impl Iterator<Item = IpAddr> + 'b {
        pod.addresses.iter().copied().filter(|address| {
            let claimants = self.claimants(*address);
            let Some(own) = claimants.iter().find(|claimant| claimant.is_pod(pod)) else { return false };
            let first = claimants.iter().find(|claimant| claimant.party() == own.party());
            let is_served = first.is_some_and(|first| first.is_pod(pod) || own.shares_node());
            is_served && (own.proves_identity() || !self.is_contested(*address))
        })
    }

    /// The addresses of a Service by which it is reached.
    pub(crate) fn of_service<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = IpAddr> + 'b {
        service.addresses.iter().copied().filter(|address| !self.is_contested(*address))
    }

    fn claimants(&self, address: IpAddr) -> &[Claimant<'a>] {
        self.claims.get(&address).map_or(&[], Vec::as_slice)
    }

    fn is_contested(&self, address: IpAddr) -> bool {
        let claimants = self.claimants(address);
        let Some(first) = claimants.first() else { return false };
        claimants.iter().any(|claimant| claimant.party() != first.party())
            || (claimants.iter().any(Claimant::is_service) && self.is_outside(address))
    }

    /// Ranges of the address's family are configured, and it lies in none of them.
    fn is_outside(&self, address: IpAddr) -> bool {
        self.is_configured(address) && !self.is_in_ranges(address)
    }

    fn is_in_ranges(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.net().contains(&address))
    }

    fn is_configured(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.net().addr().is_ipv4() == address.is_ipv4())
    }
}

/// A Pod that is being deleted gives its addresses to the one that has them next, unless what is sent to them would then leave
/// in the clear.
fn give_way(claimants: &mut Vec<Claimant<'_>>) {
    let successors = claimants.iter().filter(|claimant| claimant.is_pod_to_stay());
    let Some(proves_identity) = successors.map(Claimant::proves_identity).max() else { return };
    claimants.retain(|claimant| !claimant.is_leaving() || (claimant.proves_identity() && !proves_identity));
}
