//! What is left of a Pod that left: nothing.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{carries, dial, echoes, listen};
use karez_lab::{Pod, wait};

use crate::PORT;

/// Rules, routing and listening sockets of a Pod.
fn state(pod: &Pod) -> Result<String> {
    let run = |command: &str| pod.namespace().run("sh", &["-c", command]);
    Ok([
        run("nft list ruleset")?,
        run("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all")?,
        run("ss -Hltun")?,
        // All of them but the one that counts.
        run("grep -rs . /proc/sys/net | grep -v nf_conntrack_count | sort")?,
    ]
    .join("\n"))
}

fn descriptors(process: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

#[test]
fn a_pod_that_came_and_went_leaves_nothing() -> Result<()> {
    let mut shop = Shop::open("leaks", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    echoes(&dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?, "warm")?;
    let guest = shop.mesh.pod("n1", "shop/guest", "guest")?;
    let before = state(&guest)?;
    let carrier = shop.mesh.carrier("n1")?;
    let processes = [Some(carrier.proxy), carrier.agent];
    let count = || processes.into_iter().flatten().map(descriptors).collect::<Result<Vec<_>>>();
    let mut held = None;
    for round in 0..4 {
        shop.mesh.enrol(&guest)?;
        crate::wait_captured(&shop.mesh, &guest)?;
        ensure!(state(&guest)? != before, "nothing was done to the Pod");
        use_all_sockets(&shop, &guest)?;
        shop.mesh.remove(&guest)?;
        ensure!(state(&guest)? == before, "before:\n{before}\nafter:\n{}", state(&guest)?);
        // The first round opens what is kept for all Pods.
        let limit = held.clone();
        held = Some(wait::until("descriptors to be closed", Duration::from_secs(40), || {
            let now = count()?;
            let is_more = |limit: &Vec<usize>| now.iter().zip(limit).any(|(now, limit)| now > limit);
            ensure!(
                !limit.as_ref().is_some_and(is_more),
                "round {round}: {now:?} descriptors, {limit:?} before"
            );
            Ok(now)
        })?);
    }
    Ok(())
}

#[test]
fn a_pod_that_vanished_is_let_go() -> Result<()> {
    let mut shop = Shop::open("vanished", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let guest = shop.mesh.enrolled_pod("n1", "shop/guest", "guest")?;
    crate::wait_captured(&shop.mesh, &guest)?;
    use_all_sockets(&shop, &guest)?;
    let [.., number] = guest.v4.octets();
    let link = format!("p{number}");
    let node = shop.mesh.node("n1")?.host().namespace();
    node.run("ip", &["link", "show", &link])?;
    shop.mesh.manifests.remove_pod(&guest)?;
    drop(guest);
    wait::until("the namespace to go, and its link with it", Duration::from_secs(20), || {
        let found = node.output("ip", &["link", "show", &link])?;
        ensure!(!found.status.success(), "the link is there: somebody holds the namespace");
        Ok(())
    })?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let pods = shop.mesh.karez(&["pod", "list", "--agent", &socket])?;
    ensure!(pods.contains("shop/web") && !pods.contains("shop/guest"), "{pods}");
    Ok(())
}

/// Connections from the guest and to it, by tunnel and in the clear, over IPv4 and IPv6, and a question to DNS.
fn use_all_sockets(shop: &Shop, guest: &Pod) -> Result<()> {
    for to in shop.addresses(PORT) {
        echoes(&dial(guest.namespace(), to)?, "hello")?;
    }
    let listener = listen(guest.namespace(), PORT)?;
    for from in [shop.api.namespace(), shop.outside.namespace()] {
        for to in crate::pod_addresses(guest) {
            carries(&dial(from, to)?, &listener.accept()?, "welcome")?;
        }
    }
    let server = format!("@{}", shop.outside.v4());
    let asked = ["+short", "+timeout=5", &server, "api.shop.svc.cluster.local"];
    let answer = guest.namespace().run("dig", &asked)?;
    ensure!(answer.trim() == VIP, "DNS said {answer:?}");
    Ok(())
}
