//! The nftables rules of a captured Pod, as text for `nft -f -`. Pure.
//!
//! The table `inet karez`, replaced as a whole in one transaction; [`wire`] has the one beside it. In the order in which a packet
//! meets them:
//!
//! | chain | hook, priority | what it does |
//! | --- | --- | --- |
//! | `divert`, `local` | output, route, −310 | turns captured DNS queries (and a ztunnel's source-preserving dials) to loopback by [`marks::LOCAL`], and keeps what bears that out of connection tracking, where it would collide with the client's own connections |
//! | `deliver` | prerouting, −300 | the same where it comes out of loopback. TPROXY: hands captured queries to port 15053 with the asked server in them |
//! | `claimed`, `forged` | from `divert` | tell the Pod's mark from a guess at it, after which nothing with the mark passes for a minute |
//! | `departing`, `arriving` | from `divert` and `deliver` | keep Karez' own tunnels out of connection tracking |
//! | `outbound` | output, nat, −100 | redirects what the application dials |
//! | `inbound`, `forwarded` | prerouting, nat, −99 | redirects what comes without a tunnel, and what the Pod is to forward |
//! | `through` | forward, 0 | forwards only what others translated |
//! | `egress`, `ingress` | output and input, 0 | lets nothing past that should have been redirected; closes older flows |
//! | `confine` | postrouting, 0 | drops what must not leave the Pod |
//!
//! Only a connection's first packet (SYN) is redirected: for connection tracking the next packet of a connection that is
//! older than the rules is new as well, and would be torn out of it. A connection whose SYN passed under the rules gets
//! the connection mark [`BORN_HERE`]; one without it is older.
//!
//! Every packet of an enrolled Pod meets these chains, on loopback in both directions, so each asks little of most packets, and
//! there are as few of them as there can be: a chain costs as much as several rules.
//!
//! Priorities are numbers because nft 1.0.6 does not know `dstnat` in the output hook.

mod chain;
mod chains;
pub mod wire;

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::marks::{self, Mark, PodMark};
use chains::{INBOUND_CHAIN, OUTBOUND_CHAIN, SYN, chains, marked};

/// The table's name, of the family `inet`.
pub const TABLE: &str = "karez";

/// The connection mark of flows that began under the rules.
pub const BORN_HERE: Mark = Mark(0x4b5a_0000);

/// Most bytes of [`RuleSettings::note`]: `NFTNL_UDATA_COMMENT_MAXLEN`, less its end.
pub const LONGEST_NOTE: usize = 127;

/// Comes last: see [`render_release`].
const SEAL_CHAIN: &str = "seal";

/// The set that is not empty while somebody has lately guessed at the Pod's mark.
const FORGED_SET: &str = "forged";
/// How long what has the mark is dropped after a guess: with one guess a minute, twenty bits take a year to find.
const LOCKED_OUT_FOR: &str = "60s";

/// What the rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// Whom the traffic is redirected to.
    pub proxy: Proxy,
    /// Source addresses of health probes, which reach the application directly.
    pub probes: Vec<IpAddr>,
    /// Whether DNS queries are captured.
    pub dns: bool,
    /// Whether the kernel has IPv6. A Pod without an IPv6 address is no reason to leave it out.
    pub ipv6: bool,
    /// How far it is.
    pub phase: Phase,
    /// Kept in the table as its comment: letters, digits, `.`, `=` and spaces, at most [`LONGEST_NOTE`].
    pub note: String,
}

/// Who serves the Pod, and by what its packets are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Karez's node proxy.
    Karez {
        /// By which its sockets are known.
        mark: PodMark,
    },
    /// A ztunnel, which opens its own sockets under one mark, [`marks::OUTBOUND`].
    Ztunnel,
}

/// A Pod's way through the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// New connections are redirected, whether a proxy is there or not.
    Capturing {
        /// Whether flows older than the rules are reset at their next packet, instead of living on.
        close_older: bool,
    },
    /// New connections are not redirected any more, while those that were keep their translation.
    Leaving,
}

/// The rules as one transaction that replaces whatever is there.
#[must_use]
pub fn render(settings: &RuleSettings) -> String {
    // Adding first makes the deletion succeed whether the table is there or not.
    let mut text = format!("add table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\tcomment \"{}\"", settings.note);
    if let Proxy::Karez { .. } = settings.proxy {
        let _ = write!(text, "\n{}", forged_set());
    }
    for chain in chains(settings) {
        let _ = write!(text, "\n{chain}");
    }
    text.push_str("}\n");
    text
}

fn forged_set() -> String {
    format!(
        "\tset {FORGED_SET} {{\n\t\ttype mark\n\t\tsize 1\n\t\tflags dynamic,timeout\n\t\ttimeout {LOCKED_OUT_FOR}\n\t}}\n"
    )
}

/// The transaction after which nothing begins that would live by the rules, whatever rules are there: nothing is redirected,
/// and nothing delivered to the application under its client's address. What the rules guard against besides stays: until
/// the table goes, or [`Phase::Leaving`] comes, new connections wait.
#[must_use]
pub fn render_release() -> String {
    let seal = "type filter hook output priority -300; policy accept;";
    let delivery = format!("{} {SYN}", marked(marks::LOCAL));
    format!(
        "add chain inet {TABLE} {OUTBOUND_CHAIN}\nflush chain inet {TABLE} {OUTBOUND_CHAIN}\n\
         add chain inet {TABLE} {INBOUND_CHAIN}\nflush chain inet {TABLE} {INBOUND_CHAIN}\n\
         add chain inet {TABLE} {SEAL_CHAIN} {{ {seal} }}\nflush chain inet {TABLE} {SEAL_CHAIN}\n\
         add rule inet {TABLE} {SEAL_CHAIN} {delivery} reject with tcp reset\n"
    )
}

/// The transaction that removes the table, if it is there.
#[must_use]
pub fn render_removal() -> String {
    format!("add table inet {TABLE}\ndelete table inet {TABLE}\n")
}

#[cfg(test)]
mod tests;
