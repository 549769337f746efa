//! What routing does for the mesh in a Pod: packets marked [`marks::LOCAL`] go to loopback, wherever they are addressed, and a
//! socket that is bound to a device is refused at once. Work on the namespace of the calling thread.
//!
//! Others have rules too, such as a VPN's (wg-quick(8)). The kernel puts a rule without a priority in front of all that are
//! there, so the mesh's own come first until somebody adds one: whether they have their effect is asked of the kernel, and if
//! not they are put in front again. A fixed priority would change the order that others' rules get.

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

/// The routing table that leads to loopback. Low numbers are others' habit: the CNI plugin `sbr` takes them from 100 on.
pub const TABLE: u32 = 15008;
/// The one that leads nowhere, for sockets that are bound to a device.
pub const REFUSING_TABLE: u32 = 15009;
/// Who made the rules (`FRA_PROTOCOL`), by which they are found again.
const MADE_BY: RouteProtocol = RouteProtocol::Other(158);

/// Index of loopback in every network namespace (`LOOPBACK_IFINDEX` of `net/flow.h`).
const LOOPBACK: u32 = 1;
/// What is captured of IPv6: not the addresses of the link, whose sockets all name a device.
const CAPTURED_V6: [(Ipv6Addr, u8); 2] =
    [(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];
/// A kernel or a namespace without the family has nothing of it, either.
const ABSENT: [Errno; 4] = [Errno::ENOENT, Errno::ESRCH, Errno::ENODEV, Errno::EAFNOSUPPORT];
/// Addresses that nobody has (RFC 5737, RFC 3849), to ask for the way to.
const NOBODY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NOBODY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Why routes cannot be changed or read.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The kernel refuses.
    #[error("cannot {task} (this takes CAP_NET_ADMIN): {source}")]
    Refused {
        /// What was to be done.
        task: &'static str,
        /// Why it was not.
        source: io::Error,
    },
    /// Others use the table.
    #[error(
        "routing table {TABLE} of the Pod has routes that are not the mesh's: whoever made them has to use another table"
    )]
    TableTaken,
    /// Others' rules come first.
    #[error(
        "the Pod's routing rules keep the mesh's packets from loopback: a rule of others has priority 0 (ip rule), and has to have \
         another"
    )]
    Overruled,
}

/// Puts rules and table in place. What is there stays, if it has its effect. `devices` are those that sockets may be bound to.
///
/// # Errors
/// When the kernel refuses, or what others have made in the Pod takes the effect away.
pub fn add(family: Family, devices: &[String]) -> Result<(), RouteError> {
    if table(family)?.iter().any(|found| !is_to_loopback(found)) {
        return Err(RouteError::TableTaken);
    }
    let add = |message| command(NETLINK_ROUTE, message, NLM_F_CREATE | NLM_F_EXCL);
    ignoring(&[Errno::EEXIST], add(RouteNetlinkMessage::NewRoute(to_loopback(family))))
        .map_err(refused("add a route to loopback"))?;
    for device in devices.iter().filter(|_| family == Family::V4) {
        // A device that is down has no routes, and one that is gone needs none.
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

/// Takes rules and table away, if they are there.
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

/// Lets sockets that are bound to a device dial again.
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

/// Whether both are in place, and in effect.
///
/// # Errors
/// When the kernel does not tell.
pub fn are_in_effect(family: Family, devices: &[String]) -> Result<bool, RouteError> {
    Ok(leads_to_loopback(family)? && our_rules(family)?.len() == rules(family, devices).len())
}

/// Where a marked packet to anybody would go.
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
        // No route at all.
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

/// The routes of our table.
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

/// The rules that the mesh has made.
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

/// Only a socket that is bound to a device (`SO_BINDTODEVICE`) asks for a way out of one. It could not be carried: what is
/// redirected comes back by loopback, which the socket does not hear, and its connection would hang.
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

/// `connect` refuses what is routed as a broadcast (`tcp_v4_connect`). Without any route IPv4 would take the destination for a
/// neighbour on the device, and ask for its hardware address for seconds.
fn nowhere(device: &str) -> io::Result<RouteMessage> {
    let index = if_nametoindex(device)?;
    // One for each device: routes to the same destination differ by their priority.
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
