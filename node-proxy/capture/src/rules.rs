//! Renders the nftables rules of a captured Pod, as text for `nft -f -`. Pure.
//!
//! The table `inet karez`, replaced whole in one transaction; [`wire`] renders the second table. A packet meets these
//! chains in order:
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
//! Only a connection's first packet (SYN) is redirected. Connection tracking takes the next packet of an older
//! connection for new too, and redirection would break that connection. A connection whose SYN passed under the rules
//! gets the connection mark [`BORN_HERE`]; one without it is older.
//!
//! Every packet of an enrolled Pod meets these chains, on loopback in both directions. So each chain checks little for
//! most packets, and there are few: a chain costs as much as several rules.
//!
//! Priorities are numbers, because nft 1.0.6 does not know `dstnat` in the output hook.

pub(crate) mod chain;
pub(crate) mod chains;
pub mod wire;

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::marks::{self, Mark, PodMark};
use chains::{INBOUND_CHAIN, OUTBOUND_CHAIN, SYN, chains, marked};

/// The table's name, of the family `inet`.
pub const TABLE: &str = "karez";

/// The connection mark of flows that began under the rules.
pub const BORN_HERE: Mark = Mark(0x4b5a_0000);

/// Most bytes of [`RuleSettings::note`]: `NFTNL_UDATA_COMMENT_MAXLEN` without the terminator.
pub const LONGEST_NOTE: usize = 127;

/// The last chain: see [`render_release`].
const SEAL_CHAIN: &str = "seal";

/// The set that has a member while the Pod's mark was guessed lately.
const FORGED_SET: &str = "forged";
/// How long marked packets are dropped after a guess. At one guess a minute, finding twenty bits takes a year.
const LOCKED_OUT_FOR: &str = "60s";

/// The parameters of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// The proxy that receives redirected traffic.
    pub proxy: Proxy,
    /// Source addresses of health probes, which reach the application directly.
    pub probes: Vec<IpAddr>,
    /// Whether DNS queries are captured.
    pub dns: bool,
    /// Whether the kernel has IPv6. It counts even if the Pod has no IPv6 address.
    pub ipv6: bool,
    /// The Pod's phase.
    pub phase: Phase,
    /// Stored as the table's comment: letters, digits, `.`, `=` and spaces, at most [`LONGEST_NOTE`].
    pub note: String,
}

/// The proxy that serves the Pod, and the mark of its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Karez's node proxy.
    Karez {
        /// The mark of its sockets.
        mark: PodMark,
    },
    /// A ztunnel, which opens its own sockets, all with [`marks::OUTBOUND`].
    Ztunnel,
}

/// A Pod's phase in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// New connections are redirected, even if no proxy runs.
    Capturing {
        /// Whether flows older than the rules are reset at their next packet, instead of living on.
        close_older: bool,
    },
    /// New connections are not redirected. Redirected ones keep their translation.
    Leaving,
}

/// The rules as one transaction that replaces the existing table.
#[must_use]
pub fn render(settings: &RuleSettings) -> String {
    // Adding first lets the deletion succeed without a table.
    let mut text = format!("add table inet {TABLE}\n");
    if settings.phase == Phase::Leaving {
        text.push_str(&guards_first());
    }
    // Writing to a String cannot fail.
    let _ = write!(text, "delete table inet {TABLE}\ntable inet {TABLE} {{\n");
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

/// The kernel takes a transaction's chains away one after the other: those that refuse what is not redirected must not outlive
/// the redirection, not even for a moment.
fn guards_first() -> String {
    let away = |chain| {
        format!(
            "add chain inet {TABLE} {chain}\nflush chain inet {TABLE} {chain}\ndelete chain inet {TABLE} {chain}\n"
        )
    };
    ["egress", "ingress"].map(away).concat()
}

fn forged_set() -> String {
    format!(
        "\tset {FORGED_SET} {{\n\t\ttype mark\n\t\tsize 1\n\t\tflags dynamic,timeout\n\t\ttimeout {LOCKED_OUT_FOR}\n\t}}\n"
    )
}

/// The transaction after which no connection begins that depends on the rules, whatever rules exist. Nothing is
/// redirected, and nothing delivered to the application under its client's address. The other guards stay: until the
/// table goes, or [`Phase::Leaving`] comes, new connections wait.
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

/// The transaction that removes the table, if present.
#[must_use]
pub fn render_removal() -> String {
    format!("add table inet {TABLE}\ndelete table inet {TABLE}\n")
}

#[cfg(test)]
mod tests;
