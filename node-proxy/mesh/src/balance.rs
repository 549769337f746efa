//! Chooses the endpoint of a service for a connection.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::attempts::Attempts;
use crate::object::service::{Affinity, HealthPolicy, Mode, Service};
use crate::object::workload::{Health, Workload};
use crate::state::Endpoint;
use crate::viewpoint::Viewpoint;

/// A connection that wants an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The dialled address: an endpoint's address of the same family is preferred.
    pub address: IpAddr,
    /// The service's port.
    pub port: u16,
    /// Addresses that this connection has tried.
    pub attempts: &'a Attempts,
    /// Uniform over all of `u64`.
    pub random: u64,
}

/// The chosen endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The workload.
    pub workload: &'a Arc<Workload>,
    /// Its address, with the port that serves the service.
    pub address: SocketAddr,
}

/// Chooses the endpoint of a connection. An endpoint whose other address was tried comes first. Then ready ones precede
/// terminating ones, near ones far ones by the service's scopes, and the dialled address's family the other. Among
/// equals the choice is random, or fixed for each client, in proportion to capacity.
#[must_use]
pub fn choose<'a>(view: &Viewpoint<'a>, service: &Service, wanted: &Wanted<'_>) -> Option<Chosen<'a>> {
    let endpoints = view.mesh().endpoints(&service.name);
    let candidates: Vec<_> =
        endpoints.filter_map(|endpoint| Candidate::consider(view, service, endpoint, wanted)).collect();
    let rank = candidates.iter().map(|candidate| candidate.rank).max()?;
    let best = candidates.iter().filter(|candidate| candidate.rank == rank);
    let chosen = match service.balancing.affinity {
        Affinity::None => at_random(best, wanted.random),
        Affinity::Client => of_client(best, &view.pod().uid),
    };
    Some(chosen?.endpoint)
}

struct Candidate<'a> {
    endpoint: Chosen<'a>,
    rank: Rank,
    weight: u32,
}

/// Greater is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    begun: bool,
    ready: bool,
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
        let ready = service.balancing.health == HealthPolicy::All || workload.health == Health::Healthy;
        // Kubernetes uses terminating endpoints that still serve where none is ready (KEP-1669).
        let serves = ready || workload.health == Health::Terminating;
        if !serves || workload.capacity == 0 || !view.reaches(&workload.network) {
            return None;
        }
        let port = endpoint.ports.target(wanted.port).or_else(|| service.ports.target(wanted.port))?;
        let address = wanted.attempts.next_address(workload, wanted.address)?;
        let rank = Rank {
            begun: wanted.attempts.has_begun(workload),
            ready,
            shared_scopes: shared_scopes(view, service, workload)?,
            same_family: address.is_ipv4() == wanted.address.is_ipv4(),
        };
        let endpoint = Chosen { workload, address: SocketAddr::new(address, port) };
        Some(Self { endpoint, rank, weight: workload.capacity })
    }
}

/// `None`: too far away to be an endpoint.
fn shared_scopes(view: &Viewpoint<'_>, service: &Service, workload: &Workload) -> Option<usize> {
    let scopes = &service.balancing.scopes;
    match service.balancing.mode {
        Mode::Any | Mode::Passthrough => Some(0),
        Mode::Failover => Some(view.shared_scopes(scopes, workload)),
        Mode::Strict => Some(scopes.len()).filter(|all| view.shared_scopes(scopes, workload) == *all),
    }
}

fn at_random<'c, 'a>(
    mut best: impl Iterator<Item = &'c Candidate<'a>> + Clone,
    random: u64,
) -> Option<&'c Candidate<'a>> {
    let weight = |candidate: &Candidate<'_>| u64::from(candidate.weight);
    let mut point = scale(random, best.clone().map(weight).sum());
    best.find(|candidate| {
        let hit = point < weight(candidate);
        point = point.saturating_sub(weight(candidate));
        hit
    })
}

/// The fixed endpoint of this client, by weighted rendezvous hashing. Every worker finds the same one without a shared
/// table, and only the clients of a lost endpoint move.
fn of_client<'c, 'a>(
    best: impl Iterator<Item = &'c Candidate<'a>>,
    client: &str,
) -> Option<&'c Candidate<'a>> {
    // The time until an event of this rate: the earliest of several falls to each in proportion to its rate.
    let time = |candidate: &Candidate<'_>| {
        let uniform = uniform(&candidate.endpoint.workload.uid, client);
        -uniform.ln() / f64::from(candidate.weight)
    };
    best.min_by(|one, other| time(one).total_cmp(&time(other)))
}

/// Between 0 and 1, both excluded, and fixed for each pair.
fn uniform(endpoint: &str, client: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    (endpoint, client).hash(&mut hasher);
    let upper_half = u32::try_from(hasher.finish() >> 32).unwrap_or(0);
    (f64::from(upper_half) + 0.5) / (f64::from(u32::MAX) + 1.0)
}

/// Scales `random`, uniform over all of `u64`, to be uniform below `total`.
fn scale(random: u64, total: u64) -> u64 {
    let product = u128::from(random) * u128::from(total);
    // The upper half of a product of two u64 fits in a u64.
    u64::try_from(product >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
