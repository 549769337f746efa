//! A node proxy that is killed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{carries, dial, echoes, ensure_reset, listen};
use karez_lab::Settings;
use karez_lab::wire::Wire;

use crate::{PORT, echo_shop, ensure_served};

const SECRET: &str = "the-secret-of-the-water";

/// Dials while nobody serves the queue, and sends at once.
fn dial_and_send(shop: &Shop) -> Result<TcpStream> {
    let waiting = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    (&waiting).write_all(SECRET.as_bytes())?;
    Ok(waiting)
}

fn ensure_echoed(waiting: &TcpStream) -> Result<()> {
    let mut seen = vec![0; SECRET.len()];
    (&mut &*waiting).read_exact(&mut seen).context("the echo of what waited")?;
    ensure!(seen == SECRET.as_bytes());
    Ok(())
}

fn tap(shop: &Shop) -> Result<Wire> {
    Wire::tap(shop.mesh.network.switch(), "n1", shop.mesh.folder(), "tcp")
}

fn ensure_nothing_in_the_clear(wire: Wire) -> Result<()> {
    let seen = wire.finish()?;
    ensure!(!seen.contains(SECRET.as_bytes()), "the secret crossed the wire in the clear");
    ensure!(seen.count(&format!("tcp port {PORT}"))? == 0, "something went to the application's own port");
    ensure!(seen.count("tcp port 15008")? > 0, "the capture saw no tunnel: it could not fail");
    Ok(())
}

#[test]
fn connections_wait_while_it_is_gone_and_nothing_leaves_in_the_clear() -> Result<()> {
    let (mut shop, _server) = echo_shop("node-killed", Settings::default())?;
    for node in ["n1", "n2"] {
        let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
        echoes(&live, "before")?;
        let wire = tap(&shop)?;
        shop.mesh.proxy(node)?.take().context("no proxy")?.kill()?;
        let waiting = [dial_and_send(&shop)?, dial_and_send(&shop)?, dial_and_send(&shop)?];
        shop.mesh.start_node(node)?;
        shop.mesh.wait_ready(node)?;
        for connection in &waiting {
            ensure_echoed(connection)?;
        }
        let cut = (&live).read(&mut [0; 8]);
        ensure!(!matches!(cut, Ok(1..)), "what the killed proxy carried cannot go on");
        ensure_nothing_in_the_clear(wire)?;
        ensure_served(&shop)?;
    }
    Ok(())
}

#[test]
fn without_the_controller_a_restarted_one_decides_nothing_and_passes_nothing() -> Result<()> {
    let (mut shop, _server) = echo_shop("node-killed-alone", Settings::default())?;
    let wire = tap(&shop)?;
    shop.mesh.controller().take().context("no controller")?.kill()?;
    shop.mesh.proxy("n1")?.take().context("no proxy")?.kill()?;
    let waiting = dial_and_send(&shop)?;
    shop.mesh.start_node("n1")?;
    waiting.set_read_timeout(Some(Duration::from_secs(3)))?;
    let answer = (&waiting).read(&mut [0; 8]);
    let is_silent = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    ensure!(is_silent, "without configuration it answered {answer:?}");
    shop.mesh.start_controller()?;
    shop.mesh.wait_ready("n1")?;
    waiting.set_read_timeout(Some(karez_e2e::sockets::PATIENCE))?;
    ensure_echoed(&waiting)?;
    ensure_nothing_in_the_clear(wire)?;
    ensure_served(&shop)
}

#[test]
fn what_it_carried_is_reset_by_the_proxy_that_lives_and_never_finished() -> Result<()> {
    let (mut shop, _server) = echo_shop("node-killed-live", Settings::default())?;
    let listener = listen(shop.api.namespace(), 9090)?;
    for node in ["n1", "n2"] {
        let client = dial(shop.web.namespace(), format!("{}:9090", shop.api.v4))?;
        let server = listener.accept()?;
        carries(&client, &server, "half of a question")?;
        carries(&server, &client, "half of an answer")?;
        shop.mesh.proxy(node)?.take().context("no proxy")?.kill()?;
        let beside_the_other = if node == "n1" { &server } else { &client };
        ensure_reset(beside_the_other).with_context(|| format!("{node} was killed"))?;
        shop.mesh.start_node(node)?;
        shop.mesh.wait_ready(node)?;
    }
    ensure_served(&shop)
}
