//! What connection tracking knows of captured connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use karez_api::names::port::{DNS, INBOUND_PLAINTEXT, OUTBOUND};
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Protocol, Status, Tuple,
};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily};
use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::netlink::dump;

/// A TCP connection that was redirected to the node proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// Who began it.
    pub dialler: SocketAddr,
    /// Whom it was meant for.
    pub destination: SocketAddr,
    /// Where the node proxy accepted it.
    pub proxy: SocketAddr,
    /// The dialler, as the node proxy sees it.
    pub translated: SocketAddr,
}

/// The captured connections that connection tracking knows, closed ones of late among them.
///
/// # Errors
/// When the kernel does not tell.
pub fn captured() -> io::Result<Vec<Captured>> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request = NetfilterMessage::new(header, ConntrackMessage::Get(Vec::new()));
    let mut flows = Vec::new();
    dump(NETLINK_NETFILTER, request, |message| {
        if let NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) = message.inner {
            flows.extend(read(&attributes));
        }
    })?;
    Ok(flows)
}

/// One entry, if it is a captured TCP connection.
fn read(attributes: &[ConntrackAttribute]) -> Option<Captured> {
    let status = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaStatus(status) => Some(*status),
        _ => None,
    })?;
    let original = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleOrig(tuple) => tcp(tuple),
        _ => None,
    })?;
    let reply = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleReply(tuple) => tcp(tuple),
        _ => None,
    })?;
    let ours = [OUTBOUND, INBOUND_PLAINTEXT, DNS].contains(&reply.source.port());
    (status.contains(Status::DstNat) && ours).then_some(Captured {
        dialler: original.source,
        destination: original.destination,
        proxy: reply.source,
        translated: reply.destination,
    })
}

struct Direction {
    source: SocketAddr,
    destination: SocketAddr,
}

fn tcp(tuple: &[Tuple]) -> Option<Direction> {
    let mut addresses: (Option<IpAddr>, Option<IpAddr>) = (None, None);
    let mut ports: (Option<u16>, Option<u16>) = (None, None);
    let mut is_tcp = false;
    for part in tuple {
        match part {
            Tuple::Ip(parts) => {
                for part in parts {
                    match part {
                        IPTuple::SourceAddress(address) => addresses.0 = Some(*address),
                        IPTuple::DestinationAddress(address) => addresses.1 = Some(*address),
                        _ => {}
                    }
                }
            }
            Tuple::Proto(parts) => {
                for part in parts {
                    match part {
                        ProtoTuple::Protocol(protocol) => is_tcp = *protocol == Protocol::Tcp,
                        ProtoTuple::SourcePort(port) => ports.0 = Some(*port),
                        ProtoTuple::DestinationPort(port) => ports.1 = Some(*port),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let source = SocketAddr::new(addresses.0?, ports.0?);
    let destination = SocketAddr::new(addresses.1?, ports.1?);
    is_tcp.then_some(Direction { source, destination })
}

#[cfg(test)]
mod tests;
