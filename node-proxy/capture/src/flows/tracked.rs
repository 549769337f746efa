//! Connections in connection tracking: captured ones, and those without an answer.

use std::io;
use std::net::{IpAddr, SocketAddr};

use karez_api::names::port::{DNS, INBOUND_PLAINTEXT, OUTBOUND};
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoInfo, ProtoInfoTCP, ProtoTuple, Protocol, Status,
    Tuple,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::netlink::{command, dump};
use crate::rules::BORN_HERE;

/// A TCP connection that was redirected to the node proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// The client.
    pub dialler: SocketAddr,
    /// The server that the client dialled.
    pub destination: SocketAddr,
    /// The node proxy's address that accepted it.
    pub proxy: SocketAddr,
    /// The client's address as the node proxy sees it.
    pub translated: SocketAddr,
    /// Both ends have finished, or one has reset it: connection tracking only remembers it for a while.
    pub has_ended: bool,
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Direction {
    source: SocketAddr,
    destination: SocketAddr,
}

/// `TCP_CONNTRACK_SYN_SENT` of `nf_conntrack_tcp.h`.
const SYN_SENT: u8 = 1;
/// `TCP_CONNTRACK_TIME_WAIT` of `nf_conntrack_tcp.h`; only `TCP_CONNTRACK_CLOSE` follows it.
const TIME_WAIT: u8 = 7;

impl Captured {
    /// As its first packet had it.
    pub(super) fn original(&self) -> Direction {
        Direction { source: self.dialler, destination: self.destination }
    }
}

/// The captured connections in connection tracking, including recently closed ones.
///
/// # Errors
/// When the kernel does not answer.
pub fn captured() -> io::Result<Vec<Captured>> {
    entries(captured_of)
}

/// TCP connections that are not captured and of which only SYNs have been seen.
///
/// # Errors
/// When the kernel does not answer.
pub(super) fn unanswered() -> io::Result<Vec<Direction>> {
    entries(unanswered_of)
}

/// What `read` makes of all entries.
fn entries<T>(read: impl Fn(&[ConntrackAttribute]) -> Option<T>) -> io::Result<Vec<T>> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request = NetfilterMessage::new(header, ConntrackMessage::Get(Vec::new()));
    let mut found = Vec::new();
    dump(NETLINK_NETFILTER, request, |message| {
        if let NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) = message.inner {
            found.extend(read(&attributes));
        }
    })?;
    Ok(found)
}

/// Removes a connection from connection tracking.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn forget(original: &Direction) -> io::Result<()> {
    let family = match original.source {
        SocketAddr::V4(_) => NetfilterProtoFamily::IPv4,
        SocketAddr::V6(_) => NetfilterProtoFamily::IPv6,
    };
    let header = NetfilterHeader::new(family, 0, 0);
    let tuple = ConntrackAttribute::CtaTupleOrig(tuple(original));
    match command(NETLINK_NETFILTER, NetfilterMessage::new(header, ConntrackMessage::Delete(vec![tuple])), 0)
    {
        // It has ended meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A direction as a query to connection tracking.
fn tuple(direction: &Direction) -> Vec<Tuple> {
    let Direction { source, destination } = direction;
    vec![
        Tuple::Ip(vec![IPTuple::SourceAddress(source.ip()), IPTuple::DestinationAddress(destination.ip())]),
        Tuple::Proto(vec![
            ProtoTuple::Protocol(Protocol::Tcp),
            ProtoTuple::SourcePort(source.port()),
            ProtoTuple::DestinationPort(destination.port()),
        ]),
    ]
}

/// Parses an entry, if it is a captured TCP connection.
fn captured_of(attributes: &[ConntrackAttribute]) -> Option<Captured> {
    let (original, reply) = (original(attributes)?, reply(attributes)?);
    is_captured(status(attributes)?, &reply).then_some(Captured {
        dialler: original.source,
        destination: original.destination,
        proxy: reply.source,
        translated: reply.destination,
        has_ended: state(attributes).is_some_and(|state| state >= TIME_WAIT),
    })
}

/// Parses an entry, if it is a TCP connection without an answer that is not captured and no rule has let begin: that would lose
/// its mark with the entry, and look older than the rules when it is answered.
fn unanswered_of(attributes: &[ConntrackAttribute]) -> Option<Direction> {
    let status = status(attributes)?;
    let is_unanswered = state(attributes)? == SYN_SENT && !status.contains(Status::SeenReply);
    let is_left_out = is_captured(status, &reply(attributes)?) || is_born_here(attributes);
    (is_unanswered && !is_left_out).then(|| original(attributes))?
}

/// Whether a connection whose answers come like this was redirected to the node proxy.
fn is_captured(status: Status, reply: &Direction) -> bool {
    status.contains(Status::DstNat) && [OUTBOUND, INBOUND_PLAINTEXT, DNS].contains(&reply.source.port())
}

fn is_born_here(attributes: &[ConntrackAttribute]) -> bool {
    let marked = |attribute: &ConntrackAttribute| matches!(attribute, ConntrackAttribute::CtaMark(mark) if mark & BORN_HERE.0 == BORN_HERE.0);
    attributes.iter().any(marked)
}

fn status(attributes: &[ConntrackAttribute]) -> Option<Status> {
    attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaStatus(status) => Some(*status),
        _ => None,
    })
}

fn original(attributes: &[ConntrackAttribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleOrig(tuple) => tcp(tuple),
        _ => None,
    })
}

fn reply(attributes: &[ConntrackAttribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleReply(tuple) => tcp(tuple),
        _ => None,
    })
}

/// A TCP connection's state, by connection tracking's numbers.
fn state(attributes: &[ConntrackAttribute]) -> Option<u8> {
    let tcp = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaProtoInfo(infos) => infos.iter().find_map(|info| match info {
            ProtoInfo::TCP(tcp) => Some(tcp),
            _ => None,
        }),
        _ => None,
    })?;
    tcp.iter().find_map(|attribute| match attribute {
        ProtoInfoTCP::State(state) => Some(*state),
        _ => None,
    })
}

/// Parses a tuple of connection tracking, if it is a TCP one.
fn tcp(tuple: &[Tuple]) -> Option<Direction> {
    let (source, destination) = tuple.iter().find_map(|part| match part {
        Tuple::Ip(parts) => addresses(parts),
        _ => None,
    })?;
    let (source_port, destination_port) = tuple.iter().find_map(|part| match part {
        Tuple::Proto(parts) if parts.contains(&ProtoTuple::Protocol(Protocol::Tcp)) => ports(parts),
        _ => None,
    })?;
    Some(Direction {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

fn addresses(parts: &[IPTuple]) -> Option<(IpAddr, IpAddr)> {
    let source = parts.iter().find_map(|part| match part {
        IPTuple::SourceAddress(address) => Some(*address),
        _ => None,
    })?;
    let destination = parts.iter().find_map(|part| match part {
        IPTuple::DestinationAddress(address) => Some(*address),
        _ => None,
    })?;
    Some((source, destination))
}

fn ports(parts: &[ProtoTuple]) -> Option<(u16, u16)> {
    let source = parts.iter().find_map(|part| match part {
        ProtoTuple::SourcePort(port) => Some(*port),
        _ => None,
    })?;
    let destination = parts.iter().find_map(|part| match part {
        ProtoTuple::DestinationPort(port) => Some(*port),
        _ => None,
    })?;
    Some((source, destination))
}

#[cfg(test)]
mod tests;
