//! Somebody else changes a Pod's rules.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{PATIENCE, dial, echoes};
use karez_lab::{Pod, wait};

use crate::PORT;

/// Each undoes something else; the last takes one rule alone.
const HARM: [&str; 6] = [
    "nft flush ruleset",
    "nft flush chain inet karez outbound",
    "ip rule del table 15008",
    "ip -6 route flush table 15008",
    "echo 0 > /proc/sys/net/ipv4/tcp_fwmark_accept",
    "nft delete rule inet karez inbound handle $(nft -a list chain inet karez inbound | sed -n 's/.*15006 # handle //p')",
];

fn state(pod: &Pod) -> Result<String> {
    state_after(pod, "true")
}

/// In one script: the agent looks every two seconds, and puts right what it finds.
fn state_after(pod: &Pod, harm: &str) -> Result<String> {
    let script = "cat /proc/sys/net/ipv4/tcp_fwmark_accept; ip rule; ip -6 rule; ip route show table 15008; \
                  ip -6 route show table 15008; nft list ruleset";
    pod.namespace().run("sh", &["-c", &format!("{harm}; {script}")])
}

#[test]
fn they_are_put_right_under_open_connections() -> Result<()> {
    let shop = Shop::open("repair", &[(PORT, PORT)])?;
    shop.mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    for pod in [&shop.web, &shop.api] {
        wait::until("the rules of strict mode", PATIENCE, || {
            let rules = state(pod)?;
            ensure!(rules.contains("!= 0x4b5a0000 goto egress_older"), "{rules}");
            Ok(())
        })?;
    }
    let live = shop.addresses(PORT).map(|to| dial(shop.web.namespace(), to));
    let live = live.into_iter().collect::<Result<Vec<_>>>()?;
    for harm in HARM {
        // At the server's node too: there the rules are about what the mesh itself dials.
        for pod in [&shop.web, &shop.api] {
            live.iter().try_for_each(|live| echoes(live, "before")).with_context(|| harm.to_owned())?;
            let sound = state(pod)?;
            ensure!(state_after(pod, harm)? != sound, "{harm:?} did nothing");
            wait::until(&format!("{harm:?} to be put right"), Duration::from_secs(10), || {
                let now = state(pod)?;
                ensure!(now == sound, "{now}");
                Ok(())
            })?;
            live.iter().try_for_each(|live| echoes(live, "after")).with_context(|| harm.to_owned())?;
        }
        for to in shop.addresses(PORT) {
            echoes(&dial(shop.web.namespace(), to)?, "anew")?;
        }
    }
    Ok(())
}
