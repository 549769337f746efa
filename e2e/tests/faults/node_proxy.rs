//! A node proxy that is killed.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{PATIENCE, carries, dial, echoes, ensure_reset, listen};
use karez_lab::{Settings, wait};

use crate::wire::{ensure_nothing_in_the_clear, tap};
use crate::{PORT, echo_shop, ensure_answered, ensure_served, is_silent};

/// Three new connections, on which something was sent and nothing comes.
fn three_wait(shop: &Shop) -> Result<Vec<TcpStream>> {
    let waiting = (0..3).map(|_| {
        let new = dial_service(shop)?;
        ensure!(is_silent(&new)?, "it was answered by whom?");
        Ok(new)
    });
    waiting.collect()
}

fn dial_service(shop: &Shop) -> Result<TcpStream> {
    dial(shop.web.namespace(), format!("{VIP}:{PORT}"))
}

#[test]
fn connections_wait_while_it_is_gone_and_nothing_leaves_in_the_clear() -> Result<()> {
    let (mut shop, _server) = echo_shop("node-killed", Settings::default())?;
    for node in ["n1", "n2"] {
        let live = dial_service(&shop)?;
        echoes(&live, "before")?;
        let wire = tap(&shop.mesh)?;
        shop.mesh.proxy(node)?.take().context("no proxy")?.kill()?;
        let waiting = three_wait(&shop)?;
        shop.mesh.start_node(node)?;
        shop.mesh.wait_ready(node)?;
        waiting.iter().try_for_each(ensure_answered)?;
        let cut = (&live).read(&mut [0; 8]);
        let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
        ensure!(
            cut.as_ref().is_err_and(is_reset),
            "what the killed proxy carried ended like an answer: {cut:?}"
        );
        ensure_served(&shop)?;
        ensure_nothing_in_the_clear(wire)?;
    }
    Ok(())
}

#[test]
fn without_the_controller_a_restarted_one_decides_nothing_and_passes_nothing() -> Result<()> {
    let (mut shop, _server) = echo_shop("node-killed-alone", Settings::default())?;
    for node in ["n1", "n2"] {
        let wire = tap(&shop.mesh)?;
        let handed_over = |shop: &Shop| shop.mesh.node_log(node).matches("Pod handed over").count();
        let before = handed_over(&shop);
        shop.mesh.controller().take().context("no controller")?.kill()?;
        shop.mesh.proxy(node)?.take().context("no proxy")?.kill()?;
        shop.mesh.start_node(node)?;
        wait::until("the restarted proxy to hold the Pod's listeners", PATIENCE, || {
            ensure!(handed_over(&shop) > before);
            Ok(())
        })?;
        let waiting = three_wait(&shop)?;
        shop.mesh.start_controller()?;
        shop.mesh.wait_ready(node)?;
        waiting.iter().try_for_each(ensure_answered)?;
        ensure_served(&shop)?;
        ensure_nothing_in_the_clear(wire)?;
    }
    Ok(())
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
