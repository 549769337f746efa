//! What is left of a Pod that left: nothing.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_lab::{Pod, wait};

use crate::PORT;

/// Rules, routing and listening sockets of a Pod.
fn state(pod: &Pod) -> Result<String> {
    let run = |command: &str| pod.namespace().run("sh", &["-c", command]);
    Ok([
        run("nft list ruleset")?,
        run("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all")?,
        run("ss -Hltun")?,
        run("cd /proc/sys/net; cat ipv4/tcp_fwmark_accept ipv4/fwmark_reflect ipv6/fwmark_reflect")?,
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
        // Twice: what is asked for again changes nothing.
        shop.mesh.enrol(&guest)?;
        shop.mesh.enrol(&guest)?;
        crate::wait_captured(&shop.mesh, &guest)?;
        ensure!(state(&guest)? != before, "nothing was done to the Pod");
        echoes(&dial(guest.namespace(), format!("{VIP}:{PORT}"))?, "hello")?;
        shop.mesh.remove(&guest)?;
        let again = shop.mesh.remove(&guest);
        ensure!(again.is_err_and(|error| error.to_string().contains("shop/guest is not enrolled")));
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
