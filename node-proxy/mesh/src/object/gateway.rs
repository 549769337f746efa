//! A workload's or service's reference to its waypoint.

use std::net::IpAddr;
use std::sync::Arc;

use karez_api::names::port;
use karez_api::workload as wire;
use wire::gateway_address::Destination;

use crate::object::service::ServiceName;
use crate::rejected::{self, Reason};

/// A waypoint, by name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its service or address.
    pub destination: GatewayDestination,
    /// Its HBONE port.
    pub port: u16,
}

/// A waypoint's service or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayDestination {
    /// A service of the mesh.
    Service(ServiceName),
    /// The address of a service or workload of the mesh.
    Address {
        /// The network that the address belongs to.
        network: Arc<str>,
        /// The address.
        address: IpAddr,
    },
}

impl Gateway {
    pub(crate) fn read(wire: &wire::GatewayAddress) -> Result<Self, Reason> {
        let destination = match &wire.destination {
            None => return Err(Reason::Missing { field: "waypoint.destination" }),
            Some(Destination::Hostname(name)) => {
                rejected::required("waypoint.hostname.namespace", &name.namespace)?;
                rejected::required("waypoint.hostname.hostname", &name.hostname)?;
                GatewayDestination::Service(ServiceName::new(&name.namespace, &name.hostname))
            }
            Some(Destination::Address(place)) => GatewayDestination::Address {
                network: place.network.as_str().into(),
                address: rejected::address("waypoint.address", &place.address)?,
            },
        };
        let port = rejected::port_or_none("waypoint.hbone_mtls_port", wire.hbone_mtls_port)?;
        Ok(Self { destination, port: port.unwrap_or(port::HBONE) })
    }
}
