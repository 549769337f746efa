//! Renders the chains and rules of each phase.

use std::net::IpAddr;

use karez_api::names::port::{DNS, HBONE, INBOUND_PLAINTEXT, OUTBOUND};

use super::chain::Chain;
use super::{BORN_HERE, FORGED_SET, Phase, Proxy, RuleSettings};
use crate::marks::{self, Mark};

pub(super) const OUTBOUND_CHAIN: &str = "outbound";
pub(super) const INBOUND_CHAIN: &str = "inbound";
pub(crate) const SYN: &str = "tcp flags & (fin | syn | rst | ack) == syn";
/// A packet already past the redirection when the rules are loaded still meets the later chains. If dropped, it is sent
/// again a second later and redirected. If refused, its connection would be lost.
const CAUGHT_BETWEEN: &str = "ct state new drop";
/// The rules below apply only to UDP.
const NOT_UDP: &str = "meta l4proto != udp accept";
const NOT_REDIRECTED: &str = "ct status & dnat != dnat";
/// Right after destination NAT, so that translations by others take effect first: for example a port that the Pod
/// publishes for a container behind it.
const AFTER_OTHERS: i32 = -99;
/// Hides the secret in the mark.
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
        // Empty chains of type nat: without any the kernel would stop translating redirected connections.
        Phase::Leaving => chains.extend([
            Chain::hooked(OUTBOUND_CHAIN, "nat", "output", -100),
            Chain::hooked(INBOUND_CHAIN, "nat", "prerouting", -100),
            Chain::hooked("ingress", "filter", "input", 0)
                .rule(refuse_unredirected())
                .rules(refuse_dns(settings))
                // Nobody accepts tunnels any more, and the client should try elsewhere at once.
                .rule(format!("tcp dport {HBONE} {SYN} reject with tcp reset")),
        ]),
    }
    chains
}

/// Before connection tracking, for outgoing packets.
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
        // A ztunnel dials the application with the client's address, under the mark of all its sockets.
        (Phase::Capturing { .. }, Proxy::Ztunnel) => chain.rule(format!(
            "oif \"lo\" meta l4proto tcp {} fib saddr type != local {to_loopback}",
            marked(marks::OUTBOUND)
        )),
    }
}

/// Packets on loopback under another's address: the client's, or that of the asked DNS server.
fn local() -> Chain {
    Chain::plain("local").rule(format!("{} udp sport set 53", exactly_dns_reply())).rule("notrack")
}

/// Packets with the low bits of the mesh's mark. After a guess the right mark is dropped like a wrong one, for every
/// protocol: otherwise its fate would reveal it. Tunnels are not tracked, as they must not be translated, nor closed
/// for being older than the rules.
fn claimed(mark: Mark) -> Chain {
    Chain::plain("claimed")
        .rule(format!("meta mark != {mark} goto forged"))
        .rule(format!("{} drop", is_locked_out()))
        .rule(format!("tcp dport {HBONE} notrack"))
        .rule("accept")
}

/// Remembers for a while that the Pod's mark was guessed.
fn forged() -> Chain {
    // A ztunnel's mark has no secret, so it is no guess. Programs made for Istio set it, and are captured like any
    // other.
    Chain::plain("forged")
        .rule(format!("meta mark {} return", marks::OUTBOUND))
        .rule(remember_forgery())
        .rule("drop")
}

/// Answers in tunnels from elsewhere are not tracked either.
fn departing() -> Chain {
    Chain::plain("departing").rule(format!("tcp sport {HBONE} notrack"))
}

/// The same for incoming tunnels. Packets from another's tunnel port may be anything.
fn arriving(mark: Mark) -> Chain {
    Chain::plain("arriving")
        .rule(format!("tcp dport {HBONE} notrack accept"))
        .rule(format!("tcp sport {HBONE} socket mark {mark} notrack"))
}

/// Packets that [`local`] left untracked, as they come out of loopback.
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
    // Nobody listens: a DNS server in the Pod must not get queries for another one.
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

/// Captures connections that the Pod forwards, for example for a container behind it, as if the Pod dialled them.
fn forwarded(settings: &RuleSettings) -> Chain {
    let chain = Chain::plain("forwarded").rules(settings.link_local_rules("accept"));
    let chain =
        if settings.dns { chain.rule(format!("{SYN} tcp dport 53 redirect to :{DNS}")) } else { chain };
    chain.rule(format!("{SYN} redirect to :{OUTBOUND}"))
}

/// Connections that the Pod may still forward: those that others translated, since they decide where a port of the Pod
/// leads. They pass the wire table by the Pod's mark. Nothing else begins.
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

/// Connections that a Pod may begin: the mesh's, link-local ones, and redirected ones. All others bypassed the
/// redirection, like a SYN that connection tracking counts to a known flow. So every SYN is checked, even of a flow
/// that began under the rules.
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

/// Connections that may begin from outside: tunnels, probes and redirected ones.
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

/// Only redirected connections may reach the ports for redirected traffic.
fn refuse_unredirected() -> String {
    format!(
        "tcp dport {{ {OUTBOUND}, {INBOUND_PLAINTEXT}, {DNS} }} {SYN} {NOT_REDIRECTED} reject with tcp reset"
    )
}

/// The same for DNS over UDP, which is never redirected to Karez's node proxy.
fn refuse_dns(settings: &RuleSettings) -> Vec<String> {
    match settings.proxy {
        _ if !settings.dns => Vec::new(),
        Proxy::Karez { .. } => vec![format!("udp dport {DNS} drop")],
        Proxy::Ztunnel => vec![format!("udp dport {DNS} {NOT_REDIRECTED} drop")],
    }
}

/// Untracked packets have no connection mark, so this does not match them.
fn to_older(close: bool, chain: &str) -> Vec<String> {
    if close { vec![format!("ct mark & {BORN_HERE} != {BORN_HERE} goto {chain}")] } else { Vec::new() }
}

/// Closes TCP flows older than the rules. Those on loopback are not the mesh's.
fn reset_older(name: &'static str, on_loopback: &str) -> Chain {
    Chain::plain(name)
        .rule("meta l4proto != tcp accept")
        .rule(format!("{on_loopback} accept"))
        // A reset closes the flow too, and our own resets pass here.
        .rule("tcp flags & rst == rst accept")
        .rule("reject with tcp reset")
}

fn confine(settings: &RuleSettings) -> Chain {
    let mut chain = Chain::hooked("confine", "filter", "postrouting", 0);
    if let Proxy::Karez { mark } = settings.proxy {
        // Sockets in the Pod can read the mark of received packets, and accepted ones inherit it (`tcp_fwmark_accept`).
        chain = chain.rule(format!("oif \"lo\" meta mark {} {FORGET_MARK}", mark.mark()));
    }
    chain
        .rule("oif \"lo\" accept")
        // Routing keeps these on loopback, unless a socket names another interface.
        .rule(format!("{} drop", marked(marks::LOCAL)))
        // Resets a peer's tunnel whose socket, and with it the mark, is gone.
        .rule(format!("tcp dport {HBONE} tcp flags & rst == rst accept"))
        // Untranslated, it would leave as the application addressed it.
        .rule("meta l4proto tcp ct state invalid drop")
}

impl RuleSettings {
    /// Matches packets of the mesh's sockets into the network.
    fn ours(&self) -> String {
        match self.proxy {
            Proxy::Karez { mark } => format!("meta mark {}", mark.mark()),
            Proxy::Ztunnel => marked(marks::OUTBOUND),
        }
    }

    /// Whether connection tracking knows tunnels: only a ztunnel's, whose sockets we cannot tell apart.
    fn tracks_tunnels(&self) -> bool {
        self.proxy == Proxy::Ztunnel
    }

    /// Accepts the mesh's connections. Karez's tunnels have no connection mark to set.
    fn dial_rules(&self) -> Vec<String> {
        let ours = self.ours();
        let tracked = format!("{ours} {} accept", born_here());
        match self.proxy {
            Proxy::Karez { .. } => vec![format!("tcp dport {HBONE} {ours} accept"), tracked],
            Proxy::Ztunnel => vec![tracked],
        }
    }

    /// Accepts a tunnel from elsewhere.
    fn arriving_tunnel(&self) -> String {
        if self.tracks_tunnels() {
            return format!("tcp dport {HBONE} {} accept", born_here());
        }
        format!("tcp dport {HBONE} accept")
    }

    /// Matches link-local destinations (RFC 4291 section 2.5.6). Such an address needs its interface, which redirection
    /// loses, so no proxy could dial it. Nothing in the mesh has one.
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

/// Matches while the Pod's mark was guessed lately.
pub(super) fn is_locked_out() -> String {
    format!("{} @{FORGED_SET}", low_bits())
}

/// Starts or extends that time.
pub(super) fn remember_forgery() -> String {
    format!("update @{FORGED_SET} {{ {} }}", low_bits())
}

/// One key for all guesses: only their existence counts.
fn low_bits() -> String {
    format!("meta mark & {:#x}", marks::MASK)
}

fn exactly_dns_reply() -> String {
    format!("meta mark & {DNS_REPLY_MASK:#x} == {}", marks::DNS_REPLY)
}

fn born_here() -> String {
    format!("ct mark set ct mark | {BORN_HERE}")
}
