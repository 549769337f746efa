//! Which endpoint of a service takes a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::object::service::{HealthPolicy, Mode, Service};
use crate::object::workload::{Health, Workload};
use crate::state::Endpoint;
use crate::viewpoint::Viewpoint;

/// A connection that wants an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The address that was dialled: an endpoint's address of the same family is preferred.
    pub address: IpAddr,
    /// The service's port.
    pub port: u16,
    /// Uids of the workloads that were tried for this connection already.
    pub tried: &'a [Arc<str>],
    /// Uniform over all of `u64`.
    pub random: u64,
}

/// An endpoint that was chosen.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The workload.
    pub workload: &'a Arc<Workload>,
    /// Its address and the port that it serves the service on.
    pub address: SocketAddr,
}

/// The endpoint for a connection: of those that can take it the nearest, as the service's scopes say; of these those
/// of the dialled address's family; of these one at random, in proportion to capacity.
#[must_use]
pub fn choose<'a>(view: &Viewpoint<'a>, service: &Service, wanted: &Wanted<'_>) -> Option<Chosen<'a>> {
    let endpoints = view.mesh().endpoints(&service.name);
    let candidates: Vec<_> =
        endpoints.filter_map(|endpoint| Candidate::consider(view, service, endpoint, wanted)).collect();
    let rank = candidates.iter().map(|candidate| candidate.rank).max()?;
    let best = || candidates.iter().filter(|candidate| candidate.rank == rank);

    let mut point = scale(wanted.random, best().map(|candidate| candidate.weight).sum());
    let chosen = best().find(|candidate| {
        let hit = point < candidate.weight;
        point = point.saturating_sub(candidate.weight);
        hit
    })?;
    Some(chosen.endpoint)
}

struct Candidate<'a> {
    endpoint: Chosen<'a>,
    rank: Rank,
    weight: u64,
}

/// The greater, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    shared_scopes: usize,
    same_family: bool,
}

impl<'a> Candidate<'a> {
    fn consider(
        view: &Viewpoint<'a>,
        service: &Service,
        endpoint: &'a Endpoint,
        wanted: &Wanted<'_>,
    ) -> Option<Self> {
        let workload = &endpoint.workload;
        let usable = workload.capacity > 0
            && (service.balancing.health == HealthPolicy::All || workload.health == Health::Healthy)
            && view.reaches(&workload.network)
            && !wanted.tried.contains(&workload.uid);
        if !usable {
            return None;
        }
        let port = endpoint.ports.target(wanted.port).or_else(|| service.ports.target(wanted.port))?;
        let address = workload.address_like(wanted.address)?;
        let rank = Rank {
            shared_scopes: shared_scopes(view, service, workload)?,
            same_family: address.is_ipv4() == wanted.address.is_ipv4(),
        };
        let endpoint = Chosen { workload, address: SocketAddr::new(address, port) };
        Some(Self { endpoint, rank, weight: workload.capacity.into() })
    }
}

/// `None`: too far to be an endpoint at all.
fn shared_scopes(view: &Viewpoint<'_>, service: &Service, workload: &Workload) -> Option<usize> {
    let scopes = &service.balancing.scopes;
    match service.balancing.mode {
        Mode::Any | Mode::Passthrough => Some(0),
        Mode::Failover => Some(view.shared_scopes(scopes, workload)),
        Mode::Strict => Some(scopes.len()).filter(|all| view.shared_scopes(scopes, workload) == *all),
    }
}

/// `random`, uniform over all of `u64`, as uniform below `total`.
fn scale(random: u64, total: u64) -> u64 {
    let product = u128::from(random) * u128::from(total);
    // The upper half of a product of two u64 is one.
    u64::try_from(product >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
