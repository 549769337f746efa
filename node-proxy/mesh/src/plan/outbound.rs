//! Plans a connection from a Pod of this node.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::names::port;
use karez_api::outcome::Refusal;

use super::waypoint::Waypoint;
use crate::attempts::Attempts;
use crate::balance::{self, Chosen, Wanted};
use crate::object::gateway::Gateway;
use crate::object::service::{Mode, Service};
use crate::object::settings::SameNode;
use crate::object::workload::{Protocol, Workload};
use crate::pod::LocalPod;
use crate::state::Mesh;
use crate::viewpoint::Viewpoint;

/// The plan of an outbound connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// Carry it to the dialled address unchanged.
    Passthrough {
        /// Why the mesh leaves it alone.
        reason: PassthroughReason,
    },
    /// Carry it through a tunnel.
    Tunnel(Tunnel),
    /// Both Pods are on this node and both namespaces want no tunnel. Join the two sockets if this process captures the
    /// other Pod too; otherwise use the tunnel.
    SameNode(Tunnel),
    /// Carry it to this endpoint unchanged: the endpoint is not in the mesh.
    Plaintext(Plaintext),
    /// Do not carry it.
    Refuse(Refusal),
    /// The address is in the mesh's ranges but unknown. Wait a bounded time for configuration and plan again; then
    /// refuse with [`Refusal::UnknownMeshAddress`].
    Unknown,
}

/// Why the mesh leaves a connection alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassthroughReason {
    /// No workload and no service has the address.
    NotInMesh,
    /// A node's address, shared by workloads on the host's network.
    NodeAddress,
    /// The service requests it.
    Service,
}

/// A connection inside an HBONE tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The tunnel's far end: the destination, or a waypoint.
    pub workload: Arc<Workload>,
    /// The dialled service; `None` for a workload's own address.
    pub service: Option<Arc<Service>>,
    /// The destination of the tunnel's TCP connection.
    pub next_hop: SocketAddr,
    /// The CONNECT request's `:authority`.
    pub authority: SocketAddr,
    /// The accepted identities of the far end.
    pub accepted: Vec<Identity>,
    /// Whether the far end is a waypoint.
    pub waypoint: bool,
}

/// A connection to an endpoint that is not in the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plaintext {
    /// The address to connect to.
    pub to: SocketAddr,
    /// The address's owner.
    pub workload: Arc<Workload>,
    /// The dialled service; `None` for a workload's own address.
    pub service: Option<Arc<Service>>,
}

/// Plans a connection that `source` dialled to `destination`.
///
/// Never returns an address in `attempts` again, so a loop of attempts ends in [`Outbound::Refuse`]. `random` is
/// uniform over all of `u64` and fresh for each attempt.
#[must_use]
pub fn outbound(
    mesh: &Mesh,
    source: &LocalPod,
    destination: SocketAddr,
    attempts: &Attempts,
    random: u64,
) -> Outbound {
    let destination = SocketAddr::new(destination.ip().to_canonical(), destination.port());
    if is_loop(source, destination) {
        return Outbound::Refuse(Refusal::ReservedPort { port: destination.port() });
    }
    let dial = Dial { view: Viewpoint::new(mesh, source), destination, attempts, random };
    match dial.view.service_at(destination.ip()) {
        Some(service) => dial.to_service(service),
        None => dial.to_address(PassthroughReason::NotInMesh),
    }
}

/// Whether a Pod dials a port of its own proxy, which would then accept its own connection.
fn is_loop(source: &LocalPod, destination: SocketAddr) -> bool {
    let own = destination.ip().is_loopback() || source.has(destination.ip());
    own && port::RESERVED.contains(&destination.port())
}

/// A connection being planned.
struct Dial<'a> {
    view: Viewpoint<'a>,
    destination: SocketAddr,
    attempts: &'a Attempts,
    random: u64,
}

impl<'a> Dial<'a> {
    fn to_service(&self, service: &'a Arc<Service>) -> Outbound {
        if service.contested {
            return Outbound::Refuse(Refusal::ContestedAddress { address: self.destination.ip() });
        }
        if let Some(gateway) = &service.waypoint
            && let Some(outbound) = self.through(gateway, Some(service), &service.name)
        {
            return outbound;
        }
        if service.balancing.mode == Mode::Passthrough {
            return self.to_address(PassthroughReason::Service);
        }
        match balance::choose(&self.view, service, &self.wanted(self.destination.port())) {
            Some(chosen) => self.direct(chosen, Some(service)),
            None => self.no_endpoint(&service.name),
        }
    }

    /// Plans for the address itself. `otherwise` is the passthrough reason if no workload has it.
    fn to_address(&self, otherwise: PassthroughReason) -> Outbound {
        match self.view.workload_at(self.destination.ip()) {
            Some(workload) => self.to_workload(workload),
            None => match self.beyond(otherwise) {
                // Its Pod or Service is not known yet. Meanwhile another's claim must not draw the connection.
                Outbound::Unknown => Outbound::Unknown,
                beyond => self.to_outside_address(otherwise).unwrap_or(beyond),
            },
        }
    }

    /// Plans for a service with this external address. A workload's or service's own address takes precedence, since
    /// any service may name any external address. If services of two namespaces claim it, neither gets it: one may mean
    /// to draw the other's clients.
    fn to_outside_address(&self, otherwise: PassthroughReason) -> Option<Outbound> {
        // The address belongs to the service that requested passthrough.
        if otherwise == PassthroughReason::Service {
            return None;
        }
        let mut services = self.view.services_from_outside(self.destination);
        let service = self.view.preferred(services.clone())?;
        if services.any(|other| other.name.namespace != service.name.namespace) {
            let address = self.destination.ip();
            return Some(Outbound::Refuse(Refusal::ContestedAddress { address }));
        }
        Some(self.to_service(service))
    }

    fn to_workload(&self, workload: &'a Arc<Workload>) -> Outbound {
        if let Some(gateway) = &workload.waypoint
            && let Some(outbound) = self.through(gateway, None, &workload.uid)
        {
            return outbound;
        }
        let Some(address) = self.attempts.next_address(workload, self.destination.ip()) else {
            return self.no_endpoint(&workload.uid);
        };
        self.direct(Chosen { workload, address: SocketAddr::new(address, self.destination.port()) }, None)
    }

    fn beyond(&self, reason: PassthroughReason) -> Outbound {
        let (mesh, address) = (self.view.mesh(), self.destination.ip());
        if mesh.workloads.is_node(address) {
            return Outbound::Passthrough { reason: PassthroughReason::NodeAddress };
        }
        if reason == PassthroughReason::NotInMesh && mesh.settings().in_mesh_ranges(address) {
            return Outbound::Unknown;
        }
        Outbound::Passthrough { reason }
    }

    fn direct(&self, chosen: Chosen<'a>, service: Option<&Arc<Service>>) -> Outbound {
        let Chosen { workload, address } = chosen;
        let (workload, service) = (Arc::clone(workload), service.cloned());
        if workload.protocol == Protocol::Plaintext {
            return Outbound::Plaintext(Plaintext { to: address, workload, service });
        }
        let joined = self.joined(&workload);
        let tunnel = Tunnel {
            next_hop: SocketAddr::new(address.ip(), port::HBONE),
            authority: address,
            accepted: match &service {
                Some(service) => service.accepted_of(&workload),
                None => vec![workload.identity.clone()],
            },
            waypoint: false,
            workload,
            service,
        };
        if joined { Outbound::SameNode(tunnel) } else { Outbound::Tunnel(tunnel) }
    }

    /// Whether the two Pods connect without a tunnel: both namespaces must want it.
    fn joined(&self, workload: &Workload) -> bool {
        let (mesh, source) = (self.view.mesh(), self.view.pod());
        let both = [&*source.namespace, &*workload.namespace];
        !source.node.is_empty()
            && source.node == workload.node
            && both.into_iter().all(|namespace| mesh.same_node(namespace) == SameNode::Direct)
    }

    /// Plans through the waypoint of `destination`; `None` if the waypoint itself dials.
    fn through(
        &self,
        gateway: &Gateway,
        service: Option<&Arc<Service>>,
        destination: &impl Display,
    ) -> Option<Outbound> {
        let waypoint = Waypoint::find(&self.view, gateway);
        if waypoint.as_ref().is_some_and(|waypoint| waypoint.is_at(&self.view)) {
            return None;
        }
        let wanted = self.wanted(gateway.port);
        let tunnel = waypoint.and_then(|waypoint| {
            let Chosen { workload, address } = waypoint.choose(&self.view, &wanted)?;
            Some(Tunnel {
                workload: Arc::clone(workload),
                service: service.cloned(),
                next_hop: address,
                authority: self.destination,
                accepted: waypoint.accepted(workload),
                waypoint: true,
            })
        });
        let unavailable = || Refusal::WaypointUnavailable { destination: destination.to_string() };
        Some(tunnel.map_or_else(|| Outbound::Refuse(unavailable()), Outbound::Tunnel))
    }

    fn wanted(&self, port: u16) -> Wanted<'_> {
        Wanted { address: self.destination.ip(), port, attempts: self.attempts, random: self.random }
    }

    fn no_endpoint(&self, destination: &impl Display) -> Outbound {
        let port = self.destination.port();
        Outbound::Refuse(Refusal::NoEndpoint { service: destination.to_string(), port })
    }
}

#[cfg(test)]
mod tests;
