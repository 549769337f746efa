//! A Pod's network devices without loopback, as rules and routes name them. The functions act on the calling thread's
//! namespace.

use std::collections::BTreeSet;
use std::io;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::netlink::dump;
use crate::rules::wire::can_name;

const LOOPBACK: &str = "lo";

/// A Pod's devices, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Devices {
    /// All devices that rules can name. Whoever made one with another name may change the rules too.
    pub(crate) all: Vec<String>,
    /// Devices that pass packets to no other device of the Pod, unlike a bridge port or a VLAN. Packets that leave the
    /// Pod pass one of them.
    pub(crate) lowest: Vec<String>,
}

/// The relevant facts of a device.
#[derive(Debug, Clone, Default)]
struct Device {
    index: u32,
    name: String,
    /// The device it is a port of.
    master: Option<u32>,
    /// The device in the same namespace that it sends through.
    below: Option<u32>,
}

/// Lists the present devices.
///
/// # Errors
/// When the kernel does not answer.
pub(crate) fn list() -> io::Result<Devices> {
    let mut devices = Vec::new();
    dump(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(LinkMessage::default()), |message| {
        if let RouteNetlinkMessage::NewLink(link) = message {
            devices.push(Device::of(&link));
        }
    })?;
    Ok(Devices::of(&devices))
}

impl Devices {
    fn of(devices: &[Device]) -> Self {
        let uppers: BTreeSet<u32> = devices
            .iter()
            .flat_map(|device| device.master.into_iter().chain(device.below.map(|_| device.index)))
            .collect();
        let named = devices.iter().filter(|device| device.name != LOOPBACK && can_name(&device.name));
        let mut all: Vec<_> = named.clone().map(|device| device.name.clone()).collect();
        let is_lowest = |device: &&Device| !uppers.contains(&device.index);
        let mut lowest: Vec<_> = named.filter(is_lowest).map(|device| device.name.clone()).collect();
        all.sort_unstable();
        lowest.sort_unstable();
        Self { all, lowest }
    }
}

impl Device {
    fn of(link: &LinkMessage) -> Self {
        let mut device = Self { index: link.header.index, ..Self::default() };
        let (mut is_pair, mut is_elsewhere) = (false, false);
        for attribute in &link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => device.name.clone_from(name),
                LinkAttribute::Controller(master) => device.master = Some(*master),
                LinkAttribute::Link(below) => device.below = Some(*below),
                LinkAttribute::LinkNetNsId(_) => is_elsewhere = true,
                LinkAttribute::LinkInfo(infos) => is_pair = infos.contains(&LinkInfo::Kind(InfoKind::Veth)),
                _ => {}
            }
        }
        // A veth names its other end, and a device in another namespace is not the Pod's.
        if is_pair || is_elsewhere {
            device.below = None;
        }
        device
    }
}

#[cfg(test)]
mod tests;
