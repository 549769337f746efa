//! The service that an inbound client claims to have dialled.

use std::sync::Arc;

use crate::object::ports::Ports;
use crate::object::service::{Service, ServiceName};
use crate::pod::LocalPod;
use crate::state::Mesh;

/// The service that the client claims to have dialled for `port` of `pod`. `host` comes from its `forwarded` header.
///
/// The claim is only for telemetry. The result is a service that the Pod really serves on that port. `None` if the
/// client names none, or two namespaces have that name for the Pod: no guesses.
#[must_use]
pub fn claimed_service<'a>(
    mesh: &'a Mesh,
    pod: &LocalPod,
    host: &str,
    port: u16,
) -> Option<&'a Arc<Service>> {
    let workload = pod.workload(mesh)?;
    let hostname = hostname(host);
    let mut named = workload
        .services
        .iter()
        .filter(|(name, _)| name.hostname.eq_ignore_ascii_case(hostname))
        .filter_map(|(name, ports)| serving(mesh, name, ports, port));
    let only = named.next()?;
    named.next().is_none().then_some(only)
}

/// The service, if the endpoint's or else its own ports map to the Pod's `port`.
fn serving<'a>(mesh: &'a Mesh, name: &ServiceName, ports: &Ports, port: u16) -> Option<&'a Arc<Service>> {
    let service = mesh.service(&name.namespace, &name.hostname)?;
    let mut targets = service.ports.iter().map(|(from, target)| ports.target(from).or(target));
    targets.any(|target| target == Some(port)).then_some(service)
}

/// A host without its port and trailing dot (RFC 9110 section 7.2).
fn hostname(host: &str) -> &str {
    host.split_once(':').map_or(host, |(name, _)| name).trim_end_matches('.')
}

#[cfg(test)]
mod tests;
