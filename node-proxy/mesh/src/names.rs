//! Resolves a DNS name as one Pod sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::object::service::{HealthPolicy, Service};
use crate::object::workload::{Health, Workload};
use crate::pod::LocalPod;
use crate::state::Mesh;
use crate::viewpoint::Viewpoint;

/// What a name means. Without an address of a family, the answer for that family is empty, not that the name does not
/// exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Addresses for A, in a fixed order: whoever answers shuffles them.
    pub v4: Vec<Ipv4Addr>,
    /// Addresses for AAAA, in a fixed order.
    pub v6: Vec<Ipv6Addr>,
    /// The name that has the addresses, where the one asked for has a search domain too many: it is to be given as an
    /// alias (CNAME) of this one.
    pub canonical: Option<String>,
    /// Whose addresses they are.
    pub addressing: Addressing,
}

/// Whose the addresses of a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// A service's own.
    Virtual,
    /// Those of a headless service's ready endpoints.
    Endpoints,
    /// A single workload's.
    Workload,
}

/// What the mesh makes of the name `host` (any case, with or without the trailing dot) when `client` asks; `None`: it is
/// not the mesh's to answer.
///
/// The name itself is looked up, then what Kubernetes' search domains would make of it; then the same for what is left
/// when one of these domains is taken off its end, since a resolver may have added it. Each is tried as it is and then as
/// a wildcard, the longest first.
#[must_use]
pub fn resolve(mesh: &Mesh, client: &LocalPod, host: &str) -> Option<Resolution> {
    let view = Viewpoint::new(mesh, client);
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let search = Search { namespace: &client.namespace, domain: &mesh.settings().cluster_domain };
    search
        .readings(&host)
        .into_iter()
        .find_map(|reading| {
            let (found, exact) = find(&view, &reading.name)?;
            let canonical = (exact && reading.shortened).then_some(reading.name);
            Some((found, canonical))
        })
        .and_then(|(found, canonical)| found.resolution(&view, canonical))
}

/// One way to read a name.
struct Reading {
    name: String,
    /// A search domain was taken off.
    shortened: bool,
}

/// What a Pod's resolver searches: `NAMESPACE.svc.DOMAIN`, `svc.DOMAIN`, `DOMAIN`.
struct Search<'a> {
    namespace: &'a str,
    domain: &'a str,
}

impl Search<'_> {
    fn readings(&self, host: &str) -> Vec<Reading> {
        let Self { namespace, domain } = self;
        let domains = [format!(".{namespace}.svc.{domain}"), format!(".svc.{domain}"), format!(".{domain}")];
        let shorter = domains.iter().filter_map(|domain| host.strip_suffix(domain.as_str()));
        let read =
            |host, shortened| self.expansions(host).into_iter().map(move |name| Reading { name, shortened });
        read(host, false).chain(shorter.flat_map(|host| read(host, true))).collect()
    }

    /// The name, and the full names that it may be short for: `NAME.NAMESPACE.svc.DOMAIN` of a service, and
    /// `POD.SERVICE.NAMESPACE.svc.DOMAIN` of a Pod with a name of its own.
    fn expansions(&self, host: &str) -> Vec<String> {
        let Self { namespace, domain } = self;
        let labels: Vec<_> = host.split('.').take(5).collect();
        let mut names = vec![host.to_owned()];
        match *labels {
            [_] => names.push(format!("{host}.{namespace}.svc.{domain}")),
            [_, _] => {
                names.push(format!("{host}.svc.{domain}"));
                names.push(format!("{host}.{namespace}.svc.{domain}"));
            }
            [_, _, "svc"] | [_, _, _, "svc"] => names.push(format!("{host}.{domain}")),
            [_, _, _] => names.push(format!("{host}.svc.{domain}")),
            _ => {}
        }
        names
    }
}

/// The object that has a name.
enum Found<'a> {
    Service(&'a Service),
    Workload(&'a Workload),
}

/// What has the name, and whether under that very name and not by a wildcard.
fn find<'a>(view: &Viewpoint<'a>, name: &str) -> Option<(Found<'a>, bool)> {
    let mesh = view.mesh();
    if let Some(service) = view.preferred(mesh.services.named(name).iter()) {
        return Some((Found::Service(service), true));
    }
    if let Some(workload) = mesh.workloads.named(name).first() {
        return Some((Found::Workload(workload), true));
    }
    let by_wildcard = |suffix| view.preferred(mesh.services.wildcard(suffix).iter());
    let service = mesh.services.has_wildcards().then(|| suffixes(name).find_map(by_wildcard))??;
    Some((Found::Service(service), false))
}

/// What follows each dot, the longest first.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.')).map(|(_, suffix)| suffix)
}

impl<'a> Found<'a> {
    fn resolution(&self, view: &Viewpoint<'a>, canonical: Option<String>) -> Option<Resolution> {
        match self {
            Self::Workload(workload) => {
                let addresses = workload.addresses.iter().copied();
                Some(Resolution::new(addresses, canonical, Addressing::Workload))
            }
            Self::Service(service) if service.addresses.iter().any(|at| !at.external) => {
                let own = service.addresses.iter().filter(|at| !at.external);
                let here = own.filter(|at| view.reaches(&at.network));
                Some(Resolution::new(here.map(|at| at.address), canonical, Addressing::Virtual))
            }
            Self::Service(service) if is_kubernetes(service, &view.mesh().settings().cluster_domain) => {
                let addresses = endpoint_addresses(view, service);
                Some(Resolution::new(addresses, canonical, Addressing::Endpoints))
            }
            // A name of the world outside that the mesh has no address for: the world's own servers know it.
            Self::Service(_) => None,
        }
    }
}

/// Whether it is in `svc.DOMAIN`, so that nobody but the mesh and the cluster's own DNS can know it.
fn is_kubernetes(service: &Service, domain: &str) -> bool {
    let name = service.name.hostname.strip_suffix(domain);
    name.is_some_and(|name| name.ends_with(".svc."))
}

fn endpoint_addresses<'a>(
    view: &Viewpoint<'a>,
    service: &'a Service,
) -> impl Iterator<Item = IpAddr> + use<'a> {
    let view = *view;
    let ready = move |workload: &&Arc<Workload>| {
        let healthy = workload.health == Health::Healthy || service.balancing.health == HealthPolicy::All;
        healthy && view.reaches(&workload.network)
    };
    let endpoints = view.mesh().endpoints(&service.name).map(|endpoint| &endpoint.workload).filter(ready);
    let addresses = endpoints.flat_map(|workload| workload.addresses.iter().copied());
    addresses.filter(|address| service.families.admit(*address))
}

impl Resolution {
    fn new(
        addresses: impl Iterator<Item = IpAddr>,
        canonical: Option<String>,
        addressing: Addressing,
    ) -> Self {
        let mut resolution = Self { v4: Vec::new(), v6: Vec::new(), canonical, addressing };
        for address in addresses {
            match address {
                IpAddr::V4(v4) => resolution.v4.push(v4),
                IpAddr::V6(v6) => resolution.v6.push(v6),
            }
        }
        resolution
    }
}

#[cfg(test)]
mod tests;
