//! In mid-transfer, with a packet capture.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_lab::Settings;
use karez_lab::wire::Wire;

use crate::{PORT, SECRET, wait_captured};

fn tap(shop: &Shop) -> Result<Wire> {
    Wire::tap(shop.mesh.network.switch(), "n1", shop.mesh.folder(), "tcp")
}

#[test]
fn a_pod_enters_and_what_was_open_lives_on() -> Result<()> {
    let shop = Shop::outside_the_mesh("enter", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let to = format!("{}:{PORT}", shop.api.v4);
    let older = dial(shop.web.namespace(), &to)?;
    echoes(&older, "before")?;
    let lasting =
        peers::load(&shop.mesh, &shop.web, &["pingpong", &to, "--connections", "4", "--seconds", "6"])?;
    let brief = peers::load(&shop.mesh, &shop.web, &["churn", &to, "--connections", "2", "--seconds", "6"])?;
    // The server first: a client that is in the mesh expects a server of a meshed namespace to be there as well.
    shop.mesh.manifests.namespace("shop", &[])?;
    for pod in [&shop.api, &shop.web] {
        shop.mesh.enrol(pod)?;
        wait_captured(&shop.mesh, pod)?;
    }
    echoes(&older, "what was open before goes on")?;
    for load in [lasting, brief] {
        let figures = load.finish(Duration::from_secs(20))?;
        ensure!(figures.errors == 0 && figures.units > 0, "{figures:?}");
    }
    let wire = tap(&shop)?;
    echoes(&dial(shop.web.namespace(), &to)?, SECRET)?;
    let seen = wire.finish()?;
    ensure!(seen.count("tcp port 15008")? > 0, "a new connection did not take the tunnel");
    ensure!(!seen.contains(SECRET.as_bytes()), "a new connection crossed the wire in the clear");
    echoes(&older, "and on")
}

#[test]
fn in_strict_mode_what_was_open_is_cut() -> Result<()> {
    let shop = Shop::outside_the_mesh("enter-strict", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let older = dial(shop.web.namespace(), format!("{}:{PORT}", shop.api.v4))?;
    echoes(&older, "before")?;
    shop.mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
    for pod in [&shop.api, &shop.web] {
        shop.mesh.enrol(pod)?;
        wait_captured(&shop.mesh, pod)?;
    }
    karez_lab::wait::until("the older connection to be cut", Duration::from_secs(10), || {
        ensure!(echoes(&older, "still?").is_err(), "it goes on in the clear");
        Ok(())
    })
}

#[test]
fn a_pod_leaves_and_nothing_of_what_was_captured_leaks() -> Result<()> {
    let shop = Shop::open_with("leave", &[(PORT, PORT)], Settings::default())?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, SECRET)?;
    let wire = tap(&shop)?;
    let trips = std::thread::scope(|scope| {
        let removal = scope.spawn(|| shop.mesh.remove(&shop.web));
        let mut trips = 0;
        while echoes(&live, SECRET).is_ok() {
            trips += 1;
        }
        removal.join().map_err(|_| anyhow::anyhow!("the removal panicked"))??;
        Ok::<_, anyhow::Error>(trips)
    })?;
    ensure!(trips > 0, "an open connection was not given time to finish");
    ensure!(echoes(&live, SECRET).is_err(), "a captured connection goes on without capture");
    let seen = wire.finish()?;
    ensure!(!seen.contains(SECRET.as_bytes()), "a captured connection's bytes left in the clear");

    let wire = tap(&shop)?;
    let direct = dial(shop.web.namespace(), format!("{}:{PORT}", shop.api.v4)).context("without the mesh")?;
    echoes(&direct, SECRET)?;
    ensure!(
        wire.finish()?.contains(SECRET.as_bytes()),
        "the check cannot fail: plaintext was not seen after the removal"
    );
    Ok(())
}
