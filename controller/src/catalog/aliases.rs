//! The other names of a resource: a workload or service can be asked for by `NETWORK/ADDRESS`.

use std::net::IpAddr;

use karez_api::workload::Address;
use karez_api::workload::address::Type;
use prost::Message;

use super::ResourceType;

/// The aliases of an encoded resource.
pub(super) fn of(resource_type: ResourceType, body: &[u8]) -> Vec<String> {
    if resource_type != ResourceType::Address {
        return Vec::new();
    }
    // What does not decode has no addresses; it never comes from our own encoder.
    match Address::decode(body).ok().and_then(|address| address.r#type) {
        Some(Type::Workload(workload)) => {
            workload.addresses.iter().filter_map(|address| alias(&workload.network, address)).collect()
        }
        Some(Type::Service(service)) => {
            service.addresses.iter().filter_map(|at| alias(&at.network, &at.address)).collect()
        }
        None => Vec::new(),
    }
}

fn alias(network: &str, address: &[u8]) -> Option<String> {
    let address = match address.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    Some(format!("{network}/{address}"))
}
