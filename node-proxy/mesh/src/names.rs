//! Resolves a DNS name as one Pod sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::object::service::{HealthPolicy, Service};
use crate::object::workload::{Health, Workload};
use crate::pod::LocalPod;
use crate::state::Mesh;
use crate::viewpoint::Viewpoint;

/// The meaning of a name. A family without addresses gets an empty answer, not NXDOMAIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Addresses for A, in a fixed order. The caller shuffles them.
    pub v4: Vec<Ipv4Addr>,
    /// Addresses for AAAA, in a fixed order.
    pub v6: Vec<Ipv6Addr>,
    /// The name without a surplus search domain, if the query had one: answer with a CNAME to it.
    pub canonical: Option<String>,
    /// The kind of addresses.
    pub addressing: Addressing,
}

/// Which addresses a name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// A service's virtual addresses.
    Virtual,
    /// The addresses of a headless service's ready endpoints.
    Endpoints,
    /// A single workload's addresses.
    Workload,
}

/// Resolves `host` for `client`, in any case, with or without the trailing dot. `None`: the mesh does not own the name.
///
/// Looks up the name, then its expansions by Kubernetes' search domains. Then removes one of these domains from its
/// end, since a resolver may have added it, and repeats. Each candidate is tried exactly, then as a wildcard, longest
/// first.
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

/// One interpretation of a name.
struct Reading {
    name: String,
    /// A search domain was removed.
    shortened: bool,
}

/// A Pod's search domains: `NAMESPACE.svc.DOMAIN`, `svc.DOMAIN`, `DOMAIN`.
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

    /// The name and its possible full names: `NAME.NAMESPACE.svc.DOMAIN` of a service,
    /// `POD.SERVICE.NAMESPACE.svc.DOMAIN` of a Pod with its own name.
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

/// The object with the name, and whether the name is exact instead of a wildcard.
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

/// The text after each dot, longest first.
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
            // An external name without an address in the mesh: public servers resolve it.
            Self::Service(_) => None,
        }
    }
}

/// Whether it is in `svc.DOMAIN`, which only the mesh and the cluster's DNS know.
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
