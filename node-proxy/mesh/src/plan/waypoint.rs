//! The waypoint of a destination.

use std::sync::Arc;

use karez_api::identity::Identity;

use crate::balance::{self, Chosen, Wanted};
use crate::object::gateway::{Gateway, GatewayDestination};
use crate::object::service::Service;
use crate::object::workload::Workload;
use crate::viewpoint::Viewpoint;

/// The waypoint that a gateway's name or address resolves to.
pub(super) enum Waypoint<'a> {
    /// Any workload of the service.
    Service(&'a Service),
    /// That workload.
    Workload(&'a Arc<Workload>),
}

impl<'a> Waypoint<'a> {
    pub(super) fn find(view: &Viewpoint<'a>, gateway: &Gateway) -> Option<Self> {
        match &gateway.destination {
            GatewayDestination::Service(name) => {
                let service = view.mesh().service(&name.namespace, &name.hostname)?;
                Some(Self::Service(service))
            }
            GatewayDestination::Address { network, .. } if !view.reaches(network) => None,
            GatewayDestination::Address { address, .. } => match view.service_at(*address) {
                Some(service) => Some(Self::Service(service)),
                None => view.workload_at(*address).map(Self::Workload),
            },
        }
    }

    /// Whether the viewing Pod is the waypoint itself: its own connections go on from there.
    pub(super) fn is_at(&self, view: &Viewpoint<'_>) -> bool {
        let uid = &view.pod().uid;
        match self {
            Self::Service(service) => view.mesh().is_endpoint(&service.name, uid),
            Self::Workload(workload) => workload.uid == *uid,
        }
    }

    /// Chooses the waypoint's workload and HBONE address for a connection.
    ///
    /// `wanted` has the waypoint's HBONE port.
    pub(super) fn choose(&self, view: &Viewpoint<'a>, wanted: &Wanted<'_>) -> Option<Chosen<'a>> {
        match *self {
            Self::Service(service) => balance::choose(view, service, wanted),
            Self::Workload(workload) => {
                let address = wanted.attempts.next_address(workload, wanted.address)?;
                Some(Chosen { workload, address: (address, wanted.port).into() })
            }
        }
    }

    /// The accepted identities of `chosen`.
    pub(super) fn accepted(&self, chosen: &Workload) -> Vec<Identity> {
        match self {
            Self::Service(service) => service.accepted_of(chosen),
            Self::Workload(_) => vec![chosen.identity.clone()],
        }
    }
}
