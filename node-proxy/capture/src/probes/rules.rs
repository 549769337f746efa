//! Renders the node's rules, as text for `nft -f -`. Pure.
//!
//! The table `inet karez-node`, replaced whole in one transaction:
//!
//! | chain | hook, priority | what it does |
//! | --- | --- | --- |
//! | `arriving` | prerouting, −400 | drops what others send under a probe address |
//! | `leaving` | output, 100 | the same for the node's own processes; remembers the connections that kubelet begins to captured Pods, and forgets one whose ports another process uses again |
//! | `translate` | postrouting, nat, 99 | gives these the probe address |
//!
//! The creator of a packet can be asked for in the output hook, and its source can be replaced only after routing. In
//! between the connection's addresses and ports are remembered in a set, not in a mark: all bits of a node's marks may be
//! in use. The same packets under a probe address are dropped on bridges too, in the table `bridge karez-node`: Pods of one bridge
//! send each other frames that may miss the chains above.
//!
//! `translate` comes before the chains of kube-proxy and of CNI plugins, which begin at 100; the first wins.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::cgroup::Creator;
use crate::rules::chain::Chain;
use crate::rules::chains::SYN;

/// The table's name, of the family `inet`.
pub const TABLE: &str = "karez-node";

/// The parameters of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRules {
    /// The probe addresses, one of a family; of a family without one nothing is exempt.
    pub addresses: Vec<IpAddr>,
    /// Addresses of the node's captured Pods.
    pub pods: BTreeSet<IpAddr>,
}

/// What differs between the families.
struct Family {
    name: &'static str,
    kind: &'static str,
    is: fn(&IpAddr) -> bool,
}

const FAMILIES: [Family; 2] = [
    Family { name: "ip", kind: "ipv4_addr", is: IpAddr::is_ipv4 },
    Family { name: "ip6", kind: "ipv6_addr", is: IpAddr::is_ipv6 },
];

impl ProbeRules {
    /// The rules as one transaction that replaces the existing table. Without a creator nothing is exempt, and all the same
    /// nobody bears a probe address: Pods let it pass.
    #[must_use]
    pub fn render(&self, creator: Option<&Creator>) -> String {
        let mut text = render_removal();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "table inet {TABLE} {{\n\tcomment \"kubelet's probes of Pods in the mesh\"");
        let mut arriving = Chain::hooked("arriving", "filter", "prerouting", -400);
        let mut leaving = Chain::hooked("leaving", "filter", "output", 100);
        let mut translate = Chain::hooked("translate", "nat", "postrouting", 99);
        for family in &FAMILIES {
            let Some(address) = self.addresses.iter().find(|address| (family.is)(address)) else { continue };
            let Family { name, .. } = family;
            let _ = write!(text, "\n{}", self.sets(family));
            let forged = format!("{name} saddr {address} drop");
            let flow = format!("{name} saddr . tcp sport . {name} daddr . tcp dport");
            arriving = arriving.rule(forged.clone());
            leaving = leaving.rule(forged);
            let Some(creator) = creator else { continue };
            let begun = format!("{SYN} {name} daddr @{name}-pods");
            leaving = leaving
                .rule(format!("{begun} {} add @{name}-probes {{ {flow} }} accept", matches(creator)))
                // Kubelet's port is free as soon as a server has closed its connection.
                .rule(format!("{begun} delete @{name}-probes {{ {flow} }}"));
            translate = translate.rule(format!("{flow} @{name}-probes snat {name} to {address}"));
        }
        for chain in [arriving, leaving, translate] {
            let _ = write!(text, "\n{chain}");
        }
        text.push_str("}\n");
        text
    }

    /// The transaction that keeps the probe addresses from others on the node's bridges.
    #[must_use]
    pub fn render_bridge(&self) -> String {
        let mut arriving = Chain::hooked("arriving", "filter", "prerouting", -300);
        for family in &FAMILIES {
            let addresses = self.addresses.iter().filter(|address| (family.is)(address));
            for address in addresses {
                arriving = arriving.rule(format!("{} saddr {address} drop", family.name));
            }
        }
        format!("{}table bridge {TABLE} {{\n{arriving}}}\n", render_bridge_removal())
    }

    /// Connections are remembered only until they are translated, which the same packet is; the bounds are for safety.
    fn sets(&self, Family { name, kind, is }: &Family) -> String {
        let pods: Vec<_> = self.pods.iter().filter(|pod| is(pod)).map(IpAddr::to_string).collect();
        let elements = if pods.is_empty() {
            String::new()
        } else {
            format!("\t\telements = {{ {} }}\n", pods.join(", "))
        };
        format!(
            "\tset {name}-pods {{\n\t\ttype {kind}\n{elements}\t}}\n\n\
             \tset {name}-probes {{\n\t\ttype {kind} . inet_service . {kind} . inet_service\n\
             \t\tsize 65535\n\t\tflags dynamic,timeout\n\t\ttimeout 5s\n\t}}\n"
        )
    }
}

fn matches(creator: &Creator) -> String {
    match creator {
        Creator::Cgroup(path) => format!("socket cgroupv2 level {} \"{path}\"", path.split('/').count()),
        Creator::Root => "meta skuid 0".to_owned(),
    }
}

/// The transaction that removes the table, if present.
#[must_use]
pub fn render_removal() -> String {
    format!("add table inet {TABLE}\ndelete table inet {TABLE}\n")
}

/// The transaction that removes the table of the node's bridges, if present.
#[must_use]
pub fn render_bridge_removal() -> String {
    format!("add table bridge {TABLE}\ndelete table bridge {TABLE}\n")
}

#[cfg(test)]
mod tests;
