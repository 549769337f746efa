//! A Pod's routing for the mesh. Packets marked [`marks::LOCAL`] go to loopback, whatever their address. Sockets bound
//! to a device are refused at once. The functions act on the calling thread's namespace.
//!
//! Other programs add rules too, such as a VPN (wg-quick(8)). The kernel puts a rule without a priority in front of all
//! others, so the mesh's come first until another is added. We ask the kernel whether they take effect, and if not, put
//! them in front again. A fixed priority would change the order of others' rules.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleHeader, RuleMessage};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;

use crate::marks;
use crate::netlink::{ask, command, dump};
use crate::sockets::Family;

/// The routing table that leads to loopback. Other programs use low numbers: the CNI plugin `sbr` takes them from 100
/// on.
pub const TABLE: u32 = 15008;
/// The table that leads nowhere, for sockets bound to a device.
pub const REFUSING_TABLE: u32 = 15009;
/// The rules' maker (`FRA_PROTOCOL`), by which they are found again.
const MADE_BY: RouteProtocol = RouteProtocol::Other(158);

/// Index of loopback in every network namespace (`LOOPBACK_IFINDEX` of `net/flow.h`).
const LOOPBACK: u32 = 1;
/// The captured part of IPv6: without link-local addresses, whose sockets all name a device.
const CAPTURED_V6: [(Ipv6Addr, u8); 2] =
    [(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];
/// Errors of a kernel or namespace without the family or the entry.
const ABSENT: [Errno; 4] = [Errno::ENOENT, Errno::ESRCH, Errno::ENODEV, Errno::EAFNOSUPPORT];
/// Unused addresses (RFC 5737, RFC 3849) for route queries.
const NOBODY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NOBODY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Why routes cannot be changed or read.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The kernel refuses.
    #[error("cannot {task} (this takes CAP_NET_ADMIN): {source}")]
    Refused {
        /// The task.
        task: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
    /// Another program uses the table.
    #[error("routing table {TABLE} of the Pod has foreign routes: their owner has to use another table")]
    TableTaken,
    /// Other rules come first.
    #[error(
        "the Pod's routing rules keep the mesh's packets from loopback: a foreign rule has priority 0 (ip rule) and needs a \
         greater one"
    )]
    Overruled,
}

/// Adds rules and table. Keeps existing ones that take effect. Sockets may be bound to `devices`.
///
/// # Errors
/// When the kernel refuses, or other rules in the Pod override these.
pub fn add(family: Family, devices: &[String]) -> Result<(), RouteError> {
    if table(family)?.iter().any(|found| !is_to_loopback(found)) {
        return Err(RouteError::TableTaken);
    }
    let add = |message| command(NETLINK_ROUTE, message, NLM_F_CREATE | NLM_F_EXCL);
    ignoring(&[Errno::EEXIST], add(RouteNetlinkMessage::NewRoute(to_loopback(family))))
        .map_err(refused("add a route to loopback"))?;
    for device in devices.iter().filter(|_| family == Family::V4) {
        // A device that is down has no routes, and a removed one needs none.
        ignoring(
            &[Errno::EEXIST, Errno::ENETDOWN, Errno::ENODEV],
            nowhere(device).and_then(|route| add(RouteNetlinkMessage::NewRoute(route))),
        )
        .map_err(refused("add a route that leads nowhere"))?;
    }
    if are_in_effect(family, devices)? {
        return Ok(());
    }
    our_rules(family)?.into_iter().try_for_each(delete_rule)?;
    for rule in rules(family, devices) {
        add(RouteNetlinkMessage::NewRule(rule)).map_err(refused("add a routing rule"))?;
    }
    if leads_to_loopback(family)? { Ok(()) } else { Err(RouteError::Overruled) }
}

/// Removes rules and table, if present.
///
/// # Errors
/// When the kernel refuses.
pub fn remove(family: Family, devices: &[String]) -> Result<(), RouteError> {
    our_rules(family)?.into_iter().try_for_each(delete_rule)?;
    let delete = command(NETLINK_ROUTE, RouteNetlinkMessage::DelRoute(to_loopback(family)), 0);
    ignoring(&ABSENT, delete).map_err(refused("delete a route to loopback"))?;
    for device in devices.iter().filter(|_| family == Family::V4) {
        let delete = |route| command(NETLINK_ROUTE, RouteNetlinkMessage::DelRoute(route), 0);
        ignoring(&ABSENT, nowhere(device).and_then(delete))
            .map_err(refused("delete a route that leads nowhere"))?;
    }
    Ok(())
}

/// Lets sockets bound to a device dial again.
///
/// # Errors
/// When the kernel refuses.
pub fn remove_refusals(family: Family) -> Result<(), RouteError> {
    let refuses = |rule: &RuleMessage| rule.attributes.contains(&RuleAttribute::IpProtocol(IpProtocol::Tcp));
    our_rules(family)?.into_iter().filter(refuses).try_for_each(delete_rule)
}

fn delete_rule(rule: RuleMessage) -> Result<(), RouteError> {
    let delete = command(NETLINK_ROUTE, RouteNetlinkMessage::DelRule(rule), 0);
    ignoring(&ABSENT, delete).map_err(refused("delete a routing rule"))
}

/// Whether rules and table are present and take effect.
///
/// # Errors
/// When the kernel does not answer.
pub fn are_in_effect(family: Family, devices: &[String]) -> Result<bool, RouteError> {
    Ok(leads_to_loopback(family)? && our_rules(family)?.len() == rules(family, devices).len())
}

/// Whether a marked packet to any address goes to loopback.
fn leads_to_loopback(family: Family) -> Result<bool, RouteError> {
    let mut query = RouteMessage::default();
    let (length, nobody) = match family {
        Family::V4 => (32, RouteAddress::Inet(NOBODY_V4)),
        Family::V6 => (128, RouteAddress::Inet6(NOBODY_V6)),
    };
    query.header.address_family = address_family(family);
    query.header.destination_prefix_length = length;
    query.attributes = vec![RouteAttribute::Destination(nobody), RouteAttribute::Mark(marks::LOCAL.0)];
    let answer = match ask(NETLINK_ROUTE, RouteNetlinkMessage::GetRoute(query)) {
        Ok(answer) => answer,
        // There is no route.
        Err(error)
            if is_one_of(
                &error,
                &[Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::EACCES, Errno::EINVAL],
            ) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(refused("ask for the way of a marked packet")(error)),
    };
    Ok(matches!(answer, Some(RouteNetlinkMessage::NewRoute(found))
        if found.header.kind == RouteType::Local && found.attributes.contains(&RouteAttribute::Oif(LOOPBACK))))
}

/// The routes in the mesh's table.
fn table(family: Family) -> Result<Vec<RouteMessage>, RouteError> {
    let mut found = Vec::new();
    let mut query = RouteMessage::default();
    query.header.address_family = address_family(family);
    dump(NETLINK_ROUTE, RouteNetlinkMessage::GetRoute(query), |message| {
        if let RouteNetlinkMessage::NewRoute(route) = message
            && route.attributes.contains(&RouteAttribute::Table(TABLE))
        {
            found.push(route);
        }
    })
    .map_err(refused("list the routes"))?;
    Ok(found)
}

/// The rules made by the mesh.
fn our_rules(family: Family) -> Result<Vec<RuleMessage>, RouteError> {
    let mut found = Vec::new();
    let mut query = RuleMessage::default();
    query.header.family = address_family(family);
    dump(NETLINK_ROUTE, RouteNetlinkMessage::GetRule(query), |message| {
        if let RouteNetlinkMessage::NewRule(rule) = message
            && rule.attributes.contains(&RuleAttribute::Protocol(MADE_BY))
        {
            found.push(rule);
        }
    })
    .map_err(refused("list the routing rules"))?;
    Ok(found)
}

fn is_to_loopback(route: &RouteMessage) -> bool {
    route.header.kind == RouteType::Local
        && route.header.destination_prefix_length == 0
        && route.attributes.contains(&RouteAttribute::Oif(LOOPBACK))
}

fn rules(family: Family, devices: &[String]) -> Vec<RuleMessage> {
    let marked = rule(
        family,
        RuleAction::ToTable,
        vec![
            RuleAttribute::Table(TABLE),
            RuleAttribute::FwMark(marks::LOCAL.0),
            RuleAttribute::FwMask(marks::MASK),
        ],
    );
    let refusing = devices.iter().flat_map(|device| match family {
        Family::V4 => vec![refuse_bound(family, device, RuleAction::ToTable)],
        Family::V6 => CAPTURED_V6
            .map(|(address, length)| {
                let mut refusing = refuse_bound(family, device, RuleAction::Unreachable);
                refusing.header.dst_len = length;
                refusing.attributes.push(RuleAttribute::Destination(address.into()));
                refusing
            })
            .to_vec(),
    });
    std::iter::once(marked).chain(refusing).collect()
}

/// Refuses a socket bound to a device (`SO_BINDTODEVICE`): only such a socket asks for a route through one. The proxy
/// could not carry it. A redirected connection returns over loopback, which the socket does not hear, and would hang.
fn refuse_bound(family: Family, device: &str, action: RuleAction) -> RuleMessage {
    let mut refusing = rule(
        family,
        action,
        vec![RuleAttribute::Oifname(device.to_owned()), RuleAttribute::IpProtocol(IpProtocol::Tcp)],
    );
    if action == RuleAction::ToTable {
        refusing.attributes.push(RuleAttribute::Table(REFUSING_TABLE));
    }
    refusing
}

fn rule(family: Family, action: RuleAction, mut attributes: Vec<RuleAttribute>) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header = RuleHeader { family: address_family(family), action, ..RuleHeader::default() };
    attributes.push(RuleAttribute::Protocol(MADE_BY));
    message.attributes = attributes;
    message
}

fn to_loopback(family: Family) -> RouteMessage {
    let attributes = vec![RouteAttribute::Oif(LOOPBACK), RouteAttribute::Table(TABLE)];
    route(family, RouteType::Local, RouteScope::Host, attributes)
}

/// `connect` refuses a destination routed as broadcast (`tcp_v4_connect`). Without a route IPv4 would take the
/// destination for a neighbour, and ask for its hardware address for seconds.
fn nowhere(device: &str) -> io::Result<RouteMessage> {
    let index = if_nametoindex(device)?;
    // One for each device: routes to one destination need distinct priorities.
    let attributes = vec![
        RouteAttribute::Oif(index),
        RouteAttribute::Table(REFUSING_TABLE),
        RouteAttribute::Priority(index),
    ];
    Ok(route(Family::V4, RouteType::Broadcast, RouteScope::Link, attributes))
}

fn route(
    family: Family,
    kind: RouteType,
    scope: RouteScope,
    attributes: Vec<RouteAttribute>,
) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(family),
        protocol: RouteProtocol::Static,
        scope,
        kind,
        ..RouteHeader::default()
    };
    message.attributes = attributes;
    message
}

fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

fn ignoring(expected: &[Errno], result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_one_of(&error, expected) => Ok(()),
        other => other,
    }
}

fn is_one_of(error: &io::Error, expected: &[Errno]) -> bool {
    expected.iter().any(|errno| error.raw_os_error() == Some(*errno as i32))
}

fn refused(task: &'static str) -> impl FnOnce(io::Error) -> RouteError {
    move |source| RouteError::Refused { task, source }
}
