//! Pods that leave in mid-transfer, with a packet capture.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{PATIENCE, dial, echoes, rest};
use karez_lab::wait;

use crate::{PORT, SECRET, ensure_cut_when_used, is_cut, pod_addresses, tap, wait_captured};

const PLAIN: &str = "past the mesh and in the clear";
/// More than node proxies have to finish what a leaving Pod has open.
const CUT_OFF: Duration = Duration::from_secs(25);

fn open(name: &str) -> Result<(Shop, karez_lab::Process)> {
    let shop = Shop::open(name, &[(PORT, PORT)])?;
    let server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    Ok((shop, server))
}

#[test]
fn what_is_open_finishes_and_what_is_new_goes_its_own_way() -> Result<()> {
    let (mut shop, _server) = open("leave")?;
    let live =
        shop.addresses(PORT).iter().map(|to| dial(shop.web.namespace(), to)).collect::<Result<Vec<_>>>()?;
    live.iter().try_for_each(|live| echoes(live, SECRET))?;
    let wire = tap(&shop)?;
    std::thread::scope(|scope| {
        let removal = scope.spawn(|| shop.mesh.remove(&shop.web));
        wait::until("new connections to be left alone", PATIENCE, || {
            let rules = shop.web.namespace().run("nft", &["list", "table", "inet", "karez"])?;
            ensure!(!rules.contains("redirect"), "{rules}");
            Ok(())
        })?;
        for to in pod_addresses(&shop.api) {
            echoes(&dial(shop.web.namespace(), to)?, PLAIN)?;
        }
        for stream in live {
            echoes(&stream, SECRET)?;
            ensure!(!removal.is_finished(), "it did not wait for what was open");
            stream.shutdown(std::net::Shutdown::Write)?;
            ensure!(rest(&stream)?.is_empty(), "more came back than was sent");
        }
        removal.join().map_err(|_| anyhow::anyhow!("the removal panicked"))?
    })?;
    let seen = wire.finish()?;
    ensure!(!seen.contains(SECRET.as_bytes()), "a captured connection's bytes left in the clear");
    ensure!(seen.contains(PLAIN.as_bytes()), "the check cannot fail: plaintext was not seen");
    let log = shop.mesh.agent("n1")?.as_ref().context("no agent")?.log();
    ensure!(log.contains("connections_reset=0"), "something was cut off: {log}");
    Ok(())
}

#[test]
fn what_does_not_finish_is_reset_and_nothing_of_it_leaks() -> Result<()> {
    let (mut shop, _server) = open("leave-late")?;
    let other = shop.mesh.enrolled_pod("n1", "shop/other", "other")?;
    wait_captured(&shop.mesh, &other)?;
    let mut live = Vec::new();
    for from in [&shop.web, &other] {
        for to in pod_addresses(&shop.api) {
            live.push(dial(from.namespace(), to)?);
        }
    }
    live.iter().try_for_each(|live| echoes(live, SECRET))?;
    let wire = tap(&shop)?;
    std::thread::scope(|scope| {
        let removals = [&shop.web, &shop.api].map(|pod| scope.spawn(|| shop.mesh.remove(pod)));
        let talks: Vec<_> =
            live.into_iter().map(|stream| scope.spawn(move || talk_until_cut(&stream))).collect();
        for removal in removals {
            removal.join().map_err(|_| anyhow::anyhow!("a removal panicked"))??;
        }
        for talk in talks {
            let trips = talk.join().map_err(|_| anyhow::anyhow!("a talk panicked"))??;
            ensure!(trips > 100, "after {trips} round trips it was cut: it was given no time to finish");
        }
        Ok(())
    })?;
    let seen = wire.finish()?;
    ensure!(!seen.contains(SECRET.as_bytes()), "a captured connection's bytes left in the clear");
    let direct = seen.lines(&format!("tcp port {PORT}"), &[])?;
    ensure!(direct.is_empty(), "packets of captured connections left as they were: {direct:#?}");

    let wire = tap(&shop)?;
    for to in pod_addresses(&shop.api) {
        echoes(&dial(shop.web.namespace(), to)?, SECRET)?;
    }
    ensure!(wire.finish()?.contains(SECRET.as_bytes()), "the check cannot fail: plaintext was not seen");
    Ok(())
}

#[test]
fn a_stranger_that_says_nothing_is_not_waited_for() -> Result<()> {
    let (shop, _server) = open("leave-stranger")?;
    let strangers =
        shop.api.addresses().map(|ip| dial(shop.outside.namespace(), SocketAddr::new(ip, 15008).to_string()));
    let strangers = strangers.into_iter().collect::<Result<Vec<_>>>()?;
    shop.mesh.remove(&shop.api)?;
    for stranger in &strangers {
        ensure!(rest(stranger).is_ok_and(|said| said.is_empty()) || ensure_cut_when_used(stranger).is_ok());
    }
    let log = shop.mesh.node_log("n2");
    ensure!(log.contains("Pod handed over"), "the check cannot fail: {log}");
    ensure!(!log.contains("have not closed all of the Pod's sockets in time"), "{log}");
    Ok(())
}

/// Talks until the connection is reset, and says how many round trips that took.
fn talk_until_cut(stream: &TcpStream) -> Result<usize> {
    let begun = std::time::Instant::now();
    let mut trips = 0;
    loop {
        match echoes(stream, SECRET) {
            Ok(()) => trips += 1,
            Err(error) if is_cut(&error) => return Ok(trips),
            Err(error) => return Err(error),
        }
        ensure!(begun.elapsed() < CUT_OFF, "it goes on");
    }
}

#[test]
fn entering_and_leaving_again_and_again_costs_no_new_connection() -> Result<()> {
    let (shop, _server) = open("leave-again")?;
    let [to, to6] = pod_addresses(&shop.api);
    let load =
        |to: &str| peers::load(&shop.mesh, &shop.web, &["churn", to, "--connections", "4", "--seconds", "8"]);
    let mut loads = [load(&to)?, load(&to6)?];
    for _ in 0..3 {
        shop.mesh.remove(&shop.web)?;
        shop.mesh.enrol(&shop.web)?;
    }
    for load in &mut loads {
        load.ensure_running()?;
    }
    for load in loads {
        let figures = load.finish(Duration::from_secs(30))?;
        ensure!(figures.errors == 0 && figures.units > 100, "{figures:?}");
    }
    Ok(())
}
