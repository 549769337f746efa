//! Whose an address is.
//!
//! Each namespace writes objects of its own, and an object may name any address. Two claims that cannot both be true are in
//! conflict, and nothing tells which one is false: the address is *contested*, and node proxies refuse connections to it. A Pod
//! in the mesh keeps serving the Services that select it, because there it has to prove its identity.

use std::net::IpAddr;

use karez_resources::ip_block::IpBlock;
use karez_resources::pod::Pod;
use karez_resources::service::Service;

use crate::relations::Lookup;
use crate::services;
use crate::view::View;

mod claimant;
mod reports;

use claimant::Claimant;

/// The objects that claim one address.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    address: IpAddr,
    /// Pods by name, then Services by resource name.
    claimants: Vec<Claimant<'a>>,
    /// Pods that are being deleted, and whose address is another's by now.
    given_up: Vec<Claimant<'a>>,
    /// The mesh's own prefixes; empty when not configured.
    ranges: &'a [IpBlock],
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

impl<'a> Claims<'a> {
    pub(crate) fn to(view: View<'a>, address: IpAddr) -> Self {
        let keys = view.found_by(&Lookup::Claims(address));
        let pods = keys.iter().filter_map(|key| Some(Claimant::of_pod(view, view.pod(key)?)));
        let mut claimants: Vec<Claimant<'a>> = pods.collect();
        let mut services: Vec<&Service> = keys.iter().filter_map(|key| view.service(key)).collect();
        if services.len() > 1 {
            services.sort_by_cached_key(|service| services::resource_name(view, service));
        }
        claimants.extend(services.into_iter().map(Claimant::Service));
        let given_up = give_way(&mut claimants);
        Self { address, claimants, given_up, ranges: &view.mesh.address_ranges }
    }

    /// What the address is to an endpoint of a slice that names no Pod.
    pub(crate) fn standing(&self) -> Standing<'a> {
        match self.claimants.first() {
            Some(_) if self.is_contested() => Standing::Reserved(Reserved::Contested),
            Some(Claimant::Pod { pod, .. }) => Standing::Pod(pod),
            Some(Claimant::Service(service)) => Standing::Reserved(Reserved::Service(service)),
            Some(Claimant::Node(_)) => Standing::Free,
            None if self.is_in_ranges() => Standing::Reserved(Reserved::Unheld),
            None => Standing::Free,
        }
    }

    /// Whether a Pod is served at the address. One address cannot stand for two identities, and a contested one only for Pods
    /// that prove theirs.
    pub(crate) fn serve(&self, pod: &Pod) -> bool {
        let Some(own) = self.claimants.iter().find(|claimant| claimant.is_pod(pod)) else { return false };
        let first = self.claimants.iter().find(|claimant| claimant.party() == own.party());
        let is_served = first.is_some_and(|first| first.is_pod(pod) || own.shares_node());
        is_served && (own.proves_identity() || !self.is_contested())
    }

    /// Connections to the address are refused.
    pub(crate) fn is_contested(&self) -> bool {
        let Some(first) = self.claimants.first() else { return false };
        self.claimants.iter().any(|claimant| claimant.party() != first.party())
            || (self.claimants.iter().any(Claimant::is_service) && self.is_outside())
    }

    /// Ranges of the address's family are configured, and it lies in none of them.
    fn is_outside(&self) -> bool {
        self.is_configured() && !self.is_in_ranges()
    }

    fn is_in_ranges(&self) -> bool {
        self.ranges.iter().any(|range| range.net().contains(&self.address))
    }

    fn is_configured(&self) -> bool {
        self.ranges.iter().any(|range| range.net().addr().is_ipv4() == self.address.is_ipv4())
    }
}

/// A Pod that is being deleted gives its addresses to the one that has them next, unless what is sent to them would then leave
/// in the clear. Returns those that did.
fn give_way<'a>(claimants: &mut Vec<Claimant<'a>>) -> Vec<Claimant<'a>> {
    let successors = claimants.iter().filter(|claimant| claimant.is_pod_to_stay());
    let Some(proves_identity) = successors.map(Claimant::proves_identity).max() else { return Vec::new() };
    let gives_way = |claimant: &mut Claimant<'_>| {
        claimant.is_leaving() && (!claimant.proves_identity() || proves_identity)
    };
    claimants.extract_if(.., gives_way).collect()
}
