//! What is asked for again.

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_lab::Pod;

use crate::PORT;

/// Everything that an enrolment makes, by what tells the same thing from another one like it: handles of rules, inodes of sockets.
fn made(pod: &Pod) -> Result<String> {
    let script =
        "nft -a list ruleset; ip rule; ip -6 rule; ss -Hltune | tr -s ' ' | cut -d ' ' -f 1,5- | sort";
    pod.namespace().run("sh", &["-c", script])
}

#[test]
fn a_pod_that_is_enrolled_again_stays_as_it_is() -> Result<()> {
    let shop = Shop::open("again", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, "before")?;
    let before = [made(&shop.web)?, made(&shop.api)?];
    ensure!(before.iter().all(|made| made.contains("table inet karez { # handle")), "{before:?}");
    for pod in [&shop.web, &shop.api, &shop.web, &shop.api] {
        shop.mesh.enrol(pod)?;
        echoes(&live, "goes on")?;
    }
    let after = [made(&shop.web)?, made(&shop.api)?];
    ensure!(after == before, "{before:#?} became {after:#?}");
    Ok(())
}

#[test]
fn a_pod_is_removed_once() -> Result<()> {
    let shop = Shop::open("again-removed", &[(PORT, PORT)])?;
    shop.mesh.remove(&shop.web)?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    for pod in ["shop/web", "shop/nobody"] {
        let (status, _, said) = shop.mesh.karez_status(&["pod", "remove", pod, "--agent", &socket])?;
        ensure!(status == Some(1), "{pod}: exit {status:?}");
        ensure!(said.contains(&format!("{pod} is not enrolled")), "{pod}: {said}");
    }
    shop.mesh.enrol(&shop.web)
}
