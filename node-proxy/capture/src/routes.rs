//! What carries packets marked [`marks::LOCAL`] to loopback, wherever they are addressed: a policy rule and a routing
//! table with one local default route, for each family. Work on the namespace of the calling thread.

use std::io;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleHeader, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;

use crate::marks;
use crate::netlink::{command, dump};
use crate::sockets::Family;

/// The routing table.
pub const TABLE: u8 = 100;
/// Priority of the policy rule: before the main table, after the local one.
pub const PRIORITY: u32 = 32764;

/// Index of loopback in every network namespace (`LOOPBACK_IFINDEX` of `net/flow.h`).
const LOOPBACK: u32 = 1;

/// Why routes cannot be changed or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {task} (this takes CAP_NET_ADMIN): {source}")]
pub struct RouteError {
    task: &'static str,
    source: io::Error,
}

/// Puts the rule and the table in place; what is there stays.
///
/// # Errors
/// When the kernel refuses.
pub fn add(family: Family) -> Result<(), RouteError> {
    let add = |message| command(NETLINK_ROUTE, message, NLM_F_CREATE | NLM_F_EXCL);
    ignoring(&[Errno::EEXIST], add(RouteNetlinkMessage::NewRoute(route(family))))
        .map_err(failed("add a route to loopback"))?;
    ignoring(&[Errno::EEXIST], add(RouteNetlinkMessage::NewRule(rule(family))))
        .map_err(failed("add a routing rule"))
}

/// Takes the rule and the table away, if they are there.
///
/// # Errors
/// When the kernel refuses.
pub fn remove(family: Family) -> Result<(), RouteError> {
    // A kernel or a namespace without the family has nothing of it, either.
    let absent = [Errno::ENOENT, Errno::ESRCH, Errno::ENODEV, Errno::EAFNOSUPPORT];
    let delete = |message| command(NETLINK_ROUTE, message, 0);
    ignoring(&absent, delete(RouteNetlinkMessage::DelRule(rule(family))))
        .map_err(failed("delete a routing rule"))?;
    ignoring(&absent, delete(RouteNetlinkMessage::DelRoute(route(family))))
        .map_err(failed("delete a route to loopback"))
}

/// Whether both are in place.
///
/// # Errors
/// When the kernel does not tell.
pub fn are_present(family: Family) -> Result<bool, RouteError> {
    let mut rule_found = false;
    let mut route_found = false;
    let mut query = RuleMessage::default();
    query.header.family = address_family(family);
    dump(NETLINK_ROUTE, RouteNetlinkMessage::GetRule(query), |message| {
        if let RouteNetlinkMessage::NewRule(found) = message {
            rule_found |= is_ours(&found);
        }
    })
    .map_err(failed("list the routing rules"))?;
    let mut query = RouteMessage::default();
    query.header.address_family = address_family(family);
    dump(NETLINK_ROUTE, RouteNetlinkMessage::GetRoute(query), |message| {
        if let RouteNetlinkMessage::NewRoute(found) = message {
            let header = &found.header;
            route_found |= header.table == TABLE
                && header.kind == RouteType::Local
                && header.destination_prefix_length == 0
                && found.attributes.contains(&RouteAttribute::Oif(LOOPBACK));
        }
    })
    .map_err(failed("list the routes"))?;
    Ok(rule_found && route_found)
}

fn rule(family: Family) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header = RuleHeader {
        family: address_family(family),
        table: TABLE,
        action: RuleAction::ToTable,
        ..RuleHeader::default()
    };
    message.attributes = rule_attributes().to_vec();
    message
}

fn rule_attributes() -> [RuleAttribute; 3] {
    [
        RuleAttribute::Priority(PRIORITY),
        RuleAttribute::FwMark(marks::LOCAL.0),
        RuleAttribute::FwMask(marks::MASK),
    ]
}

fn is_ours(rule: &RuleMessage) -> bool {
    let attributes = rule_attributes();
    rule.header.table == TABLE && attributes.iter().all(|attribute| rule.attributes.contains(attribute))
}

fn route(family: Family) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(family),
        table: TABLE,
        protocol: RouteProtocol::Static,
        scope: RouteScope::Host,
        kind: RouteType::Local,
        ..RouteHeader::default()
    };
    message.attributes = vec![RouteAttribute::Oif(LOOPBACK)];
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
        Err(error) if expected.iter().any(|errno| error.raw_os_error() == Some(*errno as i32)) => Ok(()),
        other => other,
    }
}

fn failed(task: &'static str) -> impl FnOnce(io::Error) -> RouteError {
    move |source| RouteError { task, source }
}
