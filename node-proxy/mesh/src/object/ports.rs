//! Maps a service's port to its Pods' port.

use karez_api::workload as wire;

use crate::rejected::{self, Reason};

/// A service's ports in ascending order, each with its target if known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(Vec<(u16, Option<u16>)>);

impl Ports {
    pub(crate) fn read(field: &'static str, wire: &[wire::Port]) -> Result<Self, Reason> {
        let mut ports = wire
            .iter()
            .map(|port| {
                let service = rejected::port(field, port.service_port)?;
                // Zero means a named port that only the endpoint can resolve.
                Ok((service, rejected::port_or_none(field, port.target_port)?))
            })
            .collect::<Result<Vec<_>, Reason>>()?;
        ports.sort_unstable();
        // Of two targets for one port the known and greater one stays: the rule only has to be fixed.
        ports.reverse();
        ports.dedup_by_key(|(service, _)| *service);
        ports.reverse();
        Ok(Self(ports))
    }

    /// The target of the service's `port`; `None` if the port or its target is unknown.
    #[must_use]
    pub fn target(&self, port: u16) -> Option<u16> {
        let at = self.0.binary_search_by_key(&port, |(service, _)| *service).ok()?;
        self.0.get(at).and_then(|(_, target)| *target)
    }

    /// Whether the service has the port.
    #[must_use]
    pub fn has(&self, port: u16) -> bool {
        self.0.binary_search_by_key(&port, |(service, _)| *service).is_ok()
    }

    /// Pairs of service port and target port.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Option<u16>)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests;
