//! Maps a service's port to the port that its Pods listen on.

use karez_api::workload as wire;

use crate::rejected::{self, Reason};

/// A service's ports in ascending order, each with its target where that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(Vec<(u16, Option<u16>)>);

impl Ports {
    pub(crate) fn read(field: &'static str, wire: &[wire::Port]) -> Result<Self, Reason> {
        let mut ports = wire
            .iter()
            .map(|port| {
                let service = rejected::port(field, port.service_port)?;
                // Zero: a named port that the service cannot resolve by itself; the endpoint knows.
                Ok((service, rejected::port_or_none(field, port.target_port)?))
            })
            .collect::<Result<Vec<_>, Reason>>()?;
        ports.sort_unstable();
        // Of two targets for one port the known one, and the greater, stays: any rule will do, if it is always the same.
        ports.reverse();
        ports.dedup_by_key(|(service, _)| *service);
        ports.reverse();
        Ok(Self(ports))
    }

    /// Where connections to the service's `port` go; `None` when it has no such port or does not know.
    #[must_use]
    pub fn target(&self, port: u16) -> Option<u16> {
        let at = self.0.binary_search_by_key(&port, |(service, _)| *service).ok()?;
        self.0.get(at).and_then(|(_, target)| *target)
    }

    /// Whether it is a port of the service.
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
