//! Services by hostname, wildcard and virtual address.

use std::net::IpAddr;
use std::sync::Arc;

use super::index::Index;
use crate::object::service::Service;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Services {
    // Several namespaces may have a service of one hostname.
    by_hostname: Index<Arc<str>, Service>,
    // Keyed by the text after `*.`.
    by_wildcard: Index<Arc<str>, Service>,
    by_address: Index<IpAddr, Service>,
}

impl Services {
    pub(crate) fn named(&self, hostname: &str) -> &[Arc<Service>] {
        self.by_hostname.all(hostname)
    }

    /// Services of the hostname `*.SUFFIX`.
    pub(crate) fn wildcard(&self, suffix: &str) -> &[Arc<Service>] {
        self.by_wildcard.all(suffix)
    }

    pub(crate) fn has_wildcards(&self) -> bool {
        !self.by_wildcard.is_empty()
    }

    pub(crate) fn at(&self, address: IpAddr) -> &[Arc<Service>] {
        self.by_address.all(&address)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.by_hostname.lists().flatten()
    }

    /// Replaces `old` by `new`, a service of the same name.
    pub(crate) fn replace(&mut self, old: Option<&Arc<Service>>, new: Option<&Arc<Service>>) {
        self.by_hostname.replace(old, new, |service| vec![Arc::clone(&service.name.hostname)]);
        self.by_wildcard
            .replace(old, new, |service| service.wildcard_suffix().map(Arc::from).into_iter().collect());
        self.by_address.replace(old, new, addresses);
    }
}

fn addresses(service: &Service) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = service.addresses.iter().map(|place| place.address).collect();
    // A service may have one address in several networks.
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}
