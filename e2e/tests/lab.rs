//! What the tests rest on.

use anyhow::{Context as _, Result, ensure};
use karez_e2e::scratch::Scratch;
use karez_lab::{Network, Pod};

/// A bridge without an address of its own takes this one of its port's: no other is lower.
const LOWEST: &str = "02:00:00:00:00:00";

#[test]
fn a_nodes_hardware_address_stays_when_other_pods_come() -> Result<()> {
    let scratch = Scratch::create("lab")?;
    let mut network = Network::create(scratch.path())?;
    let mut node = network.node("n1")?;
    let pod = node.pod(scratch.path(), "shop", "web", "web")?;
    let before = gateway(&pod)?;
    node.host().namespace().ip(&[
        format!("link add other address {LOWEST} type veth peer name end"),
        "link set other master pods up".to_owned(),
    ])?;
    pod.namespace().run("ip", &["neigh", "flush", "dev", "eth0"])?;
    ensure!(gateway(&pod)? == before, "the node's hardware address was {before}");
    Ok(())
}

/// The hardware address to which the Pod sends what leaves its node.
fn gateway(pod: &Pod) -> Result<String> {
    let routes = pod.namespace().run("ip", &["-4", "route", "show", "default"])?;
    let address = routes.split_whitespace().nth(2).context("no default route")?;
    let to = format!("/dev/tcp/{address}/9");
    // Refused, which is as good: the address has been asked for.
    pod.namespace().output("bash", &["-c", &format!(": < {to}")])?;
    let known = pod.namespace().run("ip", &["neigh", "show", address, "dev", "eth0"])?;
    let mut words = known.split_whitespace().skip_while(|word| *word != "lladdr");
    Ok(words.nth(1).with_context(|| format!("{address} does not answer: {known:?}"))?.to_owned())
}
