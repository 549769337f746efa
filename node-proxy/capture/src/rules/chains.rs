//! The chains of each phase, and the rules in them.

use std::net::IpAddr;

use karez_api::names::port::{DNS, HBONE, INBOUND_PLAINTEXT, OUTBOUND};

use super::chain::Chain;
use super::{BORN_HERE, FORGED_SET, Phase, Proxy, RuleSettings};
use crate::marks::{self, Mark};

pub(super) const OUTBOUND_CHAIN: &str = "outbound";
pub(super) const INBOUND_CHAIN: &str = "inbound";
pub(super) const SYN: &str = "tcp flags & (fin | syn | rst | ack) == syn";
/// A packet that was past the redirection when the rules were loaded meets the later chains of them all the same. Dropped, it is
/// sent again a second later and redirected; refused, the connection would be lost.
const CAUGHT_BETWEEN: &str = "ct state new drop";
/// What follows is about UDP alone.
const NOT_UDP: &str = "meta l4proto != udp accept";
const NOT_REDIRECTED: &str = "ct status & dnat != dnat";
/// Right after destination NAT, so that what others translate in the Pod is translated: a port that it publishes for a container
/// behind it, say.
const AFTER_OTHERS: i32 = -99;
/// The secret in a mark is not for others to see.
pub(super) const FORGET_MARK: &str = "meta mark set 0x0";
const DNS_REPLY_MASK: u32 = marks::MASK | marks::DNS_REPLY.0;

pub(super) fn chains(settings: &RuleSettings) -> Vec<Chain> {
    let mut chains = vec![divert(settings), local(), deliver(settings), confine(settings)];
    if let Proxy::Karez { mark } = settings.proxy {
        chains.extend([claimed(mark.mark()), forged(), departing(), arriving(mark.mark())]);
    }
    match settings.phase {
        Phase::Capturing { close_older } => {
            chains.extend([outbound(settings), inbound(settings), forwarded(settings), through(settings)]);
            chains.extend([egress(close_older), egress_new(settings)]);
            chains.extend([ingress(settings, close_older), ingress_new(settings)]);
            if close_older {
                chains.extend([
                    reset_older("egress_older", "oif \"lo\""),
                    reset_older("ingress_older", "iif \"lo\""),
                ]);
            }
        }
        // Empty chains of type nat: without any the kernel would stop translating what it has redirected.
        Phase::Leaving => chains.extend([
            Chain::hooked(OUTBOUND_CHAIN, "nat", "output", -100),
            Chain::hooked(INBOUND_CHAIN, "nat", "prerouting", -100),
            Chain::hooked("ingress", "filter", "input", 0)
                .rule(refuse_unredirected())
                .rules(refuse_dns(settings))
                // Nobody takes them any more: who dials one is to try elsewhere at once.
                .rule(format!("tcp dport {HBONE} {SYN} reject with tcp reset")),
        ]),
    }
    chains
}

/// In front of connection tracking, where packets go out.
fn divert(settings: &RuleSettings) -> Chain {
    let mut chain =
        Chain::hooked("divert", "route", "output", -310).rule(format!("{} goto local", marked(marks::LOCAL)));
    if let Proxy::Karez { .. } = settings.proxy {
        chain = chain
            .rule(format!("{} jump claimed", marked(marks::OUTBOUND)))
            .rule("meta l4proto tcp goto departing");
    }
    let to_loopback = format!("meta mark set meta mark & {:#x} | {} notrack", !marks::MASK, marks::LOCAL);
    match (settings.phase, settings.proxy) {
        (Phase::Leaving, _) => chain,
        (Phase::Capturing { .. }, Proxy::Karez { .. }) if settings.dns => chain
            .rule("oif \"lo\" accept")
            .rules(settings.link_local_rules("accept"))
            .rule(format!("udp dport 53 {to_loopback}")),
        (Phase::Capturing { .. }, Proxy::Karez { .. }) => chain,
        // Towards the application it dials with the client's address, under the mark of all its sockets.
        (Phase::Capturing { .. }, Proxy::Ztunnel) => chain.rule(format!(
            "oif \"lo\" meta l4proto tcp {} fib saddr type != local {to_loopback}",
            marked(marks::OUTBOUND)
        )),
    }
}

/// What goes by loopback under an address of others: the client's, or the DNS server's that was asked.
fn local() -> Chain {
    Chain::plain("local").rule(format!("{} udp sport set 53", exactly_dns_reply())).rule("notrack")
}

/// What bears the low bits of the mesh's mark. While somebody has guessed, the right mark fares as a wrong one does, whatever the
/// protocol: else its fate would tell which is right. Tunnels are not tracked: nothing of them is to be translated, or closed for
/// being older than the rules.
fn claimed(mark: Mark) -> Chain {
    Chain::plain("claimed")
        .rule(format!("meta mark != {mark} goto forged"))
        .rule(format!("{} drop", is_locked_out()))
        .rule(format!("tcp dport {HBONE} notrack"))
        .rule("accept")
}

/// Remembers for a while that somebody guesses the Pod's mark.
fn forged() -> Chain {
    // A ztunnel's mark is no guess, and captured like any other: it has no secret. Programs made for Istio set it.
    Chain::plain("forged")
        .rule(format!("meta mark {} return", marks::OUTBOUND))
        .rule(remember_forgery())
        .rule("drop")
}

/// Answers in tunnels that began elsewhere are not tracked, either.
fn departing() -> Chain {
    Chain::plain("departing").rule(format!("tcp sport {HBONE} notrack"))
}

/// The same, where tunnels come in: from the port of another's tunnels anything may come.
fn arriving(mark: Mark) -> Chain {
    Chain::plain("arriving")
        .rule(format!("tcp dport {HBONE} notrack accept"))
        .rule(format!("tcp sport {HBONE} socket mark {mark} notrack"))
}

/// What [`local`] did not have tracked, where it comes out of loopback.
fn deliver(settings: &RuleSettings) -> Chain {
    let from_elsewhere = if settings.tracks_tunnels() { "accept" } else { "goto arriving" };
    let chain = Chain::hooked("deliver", "filter", "prerouting", -300)
        .rule(format!("iif != \"lo\" {from_elsewhere}"))
        .rule(format!("meta mark & {:#x} != {} accept", marks::MASK, marks::LOCAL))
        .rule("notrack");
    let captured = matches!(settings.phase, Phase::Capturing { .. });
    if !captured || !settings.dns || settings.proxy == Proxy::Ztunnel {
        return chain;
    }
    let mut chain = chain
        .rule(NOT_UDP)
        .rule(format!("{} accept", exactly_dns_reply()))
        .rule(format!("meta nfproto ipv4 udp dport 53 tproxy ip to :{DNS} accept"));
    if settings.ipv6 {
        chain = chain.rule(format!("meta nfproto ipv6 udp dport 53 tproxy ip6 to :{DNS} accept"));
    }
    // Nobody listens: a DNS server in the Pod must not get what was meant for another one.
    chain.rule("udp dport 53 drop")
}

fn outbound(settings: &RuleSettings) -> Chain {
    let mut chain = Chain::hooked(OUTBOUND_CHAIN, "nat", "output", -100)
        .rule("oif \"lo\" accept")
        .rule(format!("{} accept", settings.ours()))
        .rules(settings.link_local_rules("accept"));
    if settings.dns {
        chain = chain.rule(format!("{SYN} tcp dport 53 redirect to :{DNS}"));
        if settings.proxy == Proxy::Ztunnel {
            chain = chain.rule(format!("udp dport 53 redirect to :{DNS}"));
        }
    }
    chain.rule(format!("{SYN} redirect to :{OUTBOUND}"))
}

fn inbound(settings: &RuleSettings) -> Chain {
    Chain::hooked(INBOUND_CHAIN, "nat", "prerouting", AFTER_OTHERS)
        .rule("iif \"lo\" accept")
        .rule("fib daddr type != local goto forwarded")
        .rule(format!("tcp dport {HBONE} accept"))
        .rules(settings.probe_rules("accept"))
        .rule(format!("{SYN} redirect to :{INBOUND_PLAINTEXT}"))
}

/// What the Pod forwards for somebody behind it, such as a container of its own, is captured as if the Pod dialled it.
fn forwarded(settings: &RuleSettings) -> Chain {
    let chain = Chain::plain("forwarded").rules(settings.link_local_rules("accept"));
    let chain =
        if settings.dns { chain.rule(format!("{SYN} tcp dport 53 redirect to :{DNS}")) } else { chain };
    chain.rule(format!("{SYN} redirect to :{OUTBOUND}"))
}

/// What the Pod forwards still: what others translated for it, as it is theirs to say where a port of the Pod leads. It passes
/// the guard of the wire by the Pod's mark. Nothing else begins.
fn through(settings: &RuleSettings) -> Chain {
    let pass = match settings.proxy {
        Proxy::Karez { mark } => format!("meta mark set {} accept", mark.mark()),
        Proxy::Ztunnel => "accept".to_owned(),
    };
    Chain::hooked("through", "filter", "forward", 0)
        .rule(format!("ct status dnat {pass}"))
        .rules(settings.link_local_rules("accept"))
        .rule(format!("{SYN} reject with tcp reset"))
}

fn egress(close_older: bool) -> Chain {
    Chain::hooked("egress", "filter", "output", 0)
        .rule(format!("{SYN} goto egress_new"))
        .rules(to_older(close_older, "egress_older"))
}

/// What a Pod may begin: what the mesh sends, what stays on the link, and what was redirected to the mesh. Anything else found a way past the
/// redirection, as does a SYN that connection tracking takes for part of a flow it has long known: so every SYN is asked, that of a flow
/// which began under the rules included.
fn egress_new(settings: &RuleSettings) -> Chain {
    Chain::plain("egress_new")
        .rule("oif \"lo\" accept")
        .rule(format!("{} accept", marked(marks::LOCAL)))
        .rules(settings.dial_rules())
        .rules(settings.link_local_rules(&format!("{} accept", born_here())))
        .rule(format!("ct status dnat {} accept", born_here()))
        .rule(CAUGHT_BETWEEN)
        .rule("reject with tcp reset")
}

fn ingress(settings: &RuleSettings, close_older: bool) -> Chain {
    Chain::hooked("ingress", "filter", "input", 0)
        .rule(format!("{SYN} goto ingress_new"))
        .rules(refuse_dns(settings))
        .rules(to_older(close_older, "ingress_older"))
}

/// What may begin from outside: a tunnel, a probe, what was redirected.
fn ingress_new(settings: &RuleSettings) -> Chain {
    Chain::plain("ingress_new")
        .rule(refuse_unredirected())
        .rule("iif \"lo\" accept")
        .rule(settings.arriving_tunnel())
        .rules(settings.probe_rules(&format!("{} accept", born_here())))
        .rule(format!("ct status dnat {} accept", born_here()))
        .rule(CAUGHT_BETWEEN)
        .rule("reject with tcp reset")
}

/// Only what was redirected may come to the ports that serve redirected traffic.
fn refuse_unredirected() -> String {
    format!(
        "tcp dport {{ {OUTBOUND}, {INBOUND_PLAINTEXT}, {DNS} }} {SYN} {NOT_REDIRECTED} reject with tcp reset"
    )
}

/// The same for DNS over UDP, which Karez' node proxy is never redirected.
fn refuse_dns(settings: &RuleSettings) -> Vec<String> {
    match settings.proxy {
        _ if !settings.dns => Vec::new(),
        Proxy::Karez { .. } => vec![format!("udp dport {DNS} drop")],
        Proxy::Ztunnel => vec![format!("udp dport {DNS} {NOT_REDIRECTED} drop")],
    }
}

/// What is not tracked has no connection mark to compare, so this matches none of it.
fn to_older(close: bool, chain: &str) -> Vec<String> {
    if close { vec![format!("ct mark & {BORN_HERE} != {BORN_HERE} goto {chain}")] } else { Vec::new() }
}

/// Closes TCP flows that are older than the rules; those of loopback are none of the mesh's.
fn reset_older(name: &'static str, on_loopback: &str) -> Chain {
    Chain::plain(name)
        .rule("meta l4proto != tcp accept")
        .rule(format!("{on_loopback} accept"))
        // A reset closes the flow too, and the ones that we send come by here.
        .rule("tcp flags & rst == rst accept")
        .rule("reject with tcp reset")
}

fn confine(settings: &RuleSettings) -> Chain {
    let mut chain = Chain::hooked("confine", "filter", "postrouting", 0);
    if let Proxy::Karez { mark } = settings.proxy {
        // Sockets in the Pod can ask for the mark of what they receive, and an accepted one inherits it (`tcp_fwmark_accept`).
        chain = chain.rule(format!("oif \"lo\" meta mark {} {FORGET_MARK}", mark.mark()));
    }
    chain
        .rule("oif \"lo\" accept")
        // Routing keeps these on loopback, unless a socket names another interface.
        .rule(format!("{} drop", marked(marks::LOCAL)))
        // A peer is told of a tunnel whose socket, and with it the mark, is gone.
        .rule(format!("tcp dport {HBONE} tcp flags & rst == rst accept"))
        // Not translated: it would leave as the application addressed it.
        .rule("meta l4proto tcp ct state invalid drop")
}

impl RuleSettings {
    /// Matches the packets of the mesh's own sockets into the network.
    fn ours(&self) -> String {
        match self.proxy {
            Proxy::Karez { mark } => format!("meta mark {}", mark.mark()),
            Proxy::Ztunnel => marked(marks::OUTBOUND),
        }
    }

    /// Whether tunnels are known to connection tracking: a ztunnel's, whose sockets are not ours to tell apart.
    fn tracks_tunnels(&self) -> bool {
        self.proxy == Proxy::Ztunnel
    }

    /// Accepts what the mesh dials. A tunnel of Karez' has no connection mark to set.
    fn dial_rules(&self) -> Vec<String> {
        let ours = self.ours();
        let tracked = format!("{ours} {} accept", born_here());
        match self.proxy {
            Proxy::Karez { .. } => vec![format!("tcp dport {HBONE} {ours} accept"), tracked],
            Proxy::Ztunnel => vec![tracked],
        }
    }

    /// Accepts a tunnel that begins elsewhere.
    fn arriving_tunnel(&self) -> String {
        if self.tracks_tunnels() {
            return format!("tcp dport {HBONE} {} accept", born_here());
        }
        format!("tcp dport {HBONE} accept")
    }

    /// Matches what goes to an address of the link (RFC 4291 section 2.5.6). It means nothing without its interface, which
    /// redirection forgets, so no proxy could dial it; nothing of the mesh has such an address.
    fn link_local_rules(&self, verdict: &str) -> Vec<String> {
        if self.ipv6 { vec![format!("ip6 daddr fe80::/10 {verdict}")] } else { Vec::new() }
    }

    fn probe_rules(&self, verdict: &str) -> Vec<String> {
        let from = |address: &IpAddr| match address {
            IpAddr::V4(v4) => format!("ip saddr {v4} {verdict}"),
            IpAddr::V6(v6) => format!("ip6 saddr {v6} {verdict}"),
        };
        self.probes.iter().map(from).collect()
    }
}

pub(super) fn marked(mark: Mark) -> String {
    format!("meta mark & {:#x} == {mark}", marks::MASK)
}

/// Matches while somebody in the Pod has lately guessed at its mark.
pub(super) fn is_locked_out() -> String {
    format!("{} @{FORGED_SET}", low_bits())
}

/// Begins such a while, or draws it out.
pub(super) fn remember_forgery() -> String {
    format!("update @{FORGED_SET} {{ {} }}", low_bits())
}

/// One key for all: what is remembered is that there was any.
fn low_bits() -> String {
    format!("meta mark & {:#x}", marks::MASK)
}

fn exactly_dns_reply() -> String {
    format!("meta mark & {DNS_REPLY_MASK:#x} == {}", marks::DNS_REPLY)
}

fn born_here() -> String {
    format!("ct mark set ct mark | {BORN_HERE}")
}
