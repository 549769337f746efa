//! By what else a client finds a resource that asks by name: a workload or service by `NETWORK/ADDRESS`, and the workloads behind a
//! service with that service.

use std::net::IpAddr;
use std::sync::Arc;

use karez_api::workload::Address;
use karez_api::workload::address::Type;
use prost::Message;

use super::ResourceType;

/// What an encoded resource is found by beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Aliases {
    /// Its other names.
    pub(super) names: Vec<Arc<str>>,
    /// Resource names of the services that it serves.
    pub(super) services: Vec<Arc<str>>,
}

impl Aliases {
    pub(super) fn of(resource_type: ResourceType, body: &[u8]) -> Self {
        if resource_type != ResourceType::Address {
            return Self::default();
        }
        // What does not decode has no addresses; it never comes from our own encoder.
        match Address::decode(body).ok().and_then(|address| address.r#type) {
            Some(Type::Workload(workload)) => Self {
                names: workload.addresses.iter().filter_map(|at| alias(&workload.network, at)).collect(),
                services: workload.services.into_keys().map(Into::into).collect(),
            },
            Some(Type::Service(service)) => Self {
                names: service.addresses.iter().filter_map(|at| alias(&at.network, &at.address)).collect(),
                services: Vec::new(),
            },
            None => Self::default(),
        }
    }
}

fn alias(network: &str, address: &[u8]) -> Option<Arc<str>> {
    let address = match address.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    Some(format!("{network}/{address}").into())
}
