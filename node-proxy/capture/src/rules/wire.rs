//! Renders the table at the exit of a Pod's devices. Raw sockets (packet(7)) pass it too, although they miss every
//! chain of `inet`.
//!
//! A process with CAP_NET_RAW can write whole frames, and so could begin a connection past the mesh. Therefore only
//! packets with the Pod's mark may begin one here. The mark is also cleared here, before a tap on the device sees it.
//! AF_XDP passes no hook at all: the container runtime must forbid it by seccomp.

use std::fmt::Write as _;

use super::chain::Chain;
use super::chains::{FORGET_MARK, SYN, is_locked_out, marked, remember_forgery};
use super::{TABLE, forged_set};
use crate::marks::{self, PodMark};

/// The table as one transaction that replaces the existing one, for these devices. Without devices it only removes the
/// table.
#[must_use]
pub fn render(mark: PodMark, devices: &[String]) -> String {
    let mut text = render_removal();
    if devices.is_empty() {
        return text;
    }
    let mark = mark.mark();
    let quoted: Vec<_> = devices.iter().map(|device| format!("\"{device}\"")).collect();
    let hook = format!("egress devices = {{ {} }}", quoted.join(", "));
    let chains = [
        Chain::hooked("wire", "filter", hook, 0)
            .rule(format!("meta mark {mark} goto ours"))
            .rule(format!("meta mark != {} {} goto forged", marks::OUTBOUND, marked(marks::OUTBOUND)))
            // The sender of a raw packet states its protocol, and may lie. Receivers read the frame, even behind an
            // 802.1Q tag.
            .rule("ether type != { ip, ip6, arp } drop")
            .rule("ether type ip meta protocol != ip drop")
            .rule("ether type ip6 meta protocol != ip6 drop")
            .rule("ether type arp meta protocol != arp drop")
            // It ends at the link, and is not captured.
            .rule("ip6 daddr fe80::/10 accept")
            .rule(format!("{SYN} drop"))
            // A second fragment at byte 8 hides the first one's flags from the rule above (RFC 1858 section 3).
            .rule("ip protocol tcp ip frag-off & 0x1fff == 1 drop")
            .rule("frag nexthdr tcp frag frag-off 1 drop"),
        Chain::plain("ours").rule(format!("{} drop", is_locked_out())).rule(FORGET_MARK),
        Chain::plain("forged").rule(remember_forgery()).rule("drop"),
    ];
    // Writing to a String cannot fail.
    let _ = writeln!(text, "table netdev {TABLE} {{\n{}", forged_set());
    for chain in chains {
        let _ = write!(text, "\n{chain}");
    }
    text.push_str("}\n");
    text
}

/// The transaction that removes the table, if present.
#[must_use]
pub fn render_removal() -> String {
    format!("add table netdev {TABLE}\ndelete table netdev {TABLE}\n")
}

/// Whether rules can name a device. nft would misread other characters that a name may contain (`dev_valid_name`).
#[must_use]
pub fn can_name(device: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    !device.is_empty() && device.bytes().all(is_plain)
}
