//! Pods that leave while their node proxy hangs, with a packet capture.

use std::io::Write as _;
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{Listener, carries, dial, listen};
use nix::sys::signal::Signal;

use crate::{PORT, SECRET, ensure_cut_when_used, pod_addresses, tap};

#[test]
fn what_it_carried_is_reset_and_nothing_of_it_leaks() -> Result<()> {
    let mut shop = Shop::open("hanging", &[(PORT, PORT)])?;
    let application = listen(shop.api.namespace(), PORT)?;
    let live = connect(&shop, &application)?;
    for (client, served) in &live {
        carries(client, served, SECRET)?;
        carries(served, client, SECRET)?;
    }
    let wire = tap(&shop)?;
    signal(&mut shop, Signal::SIGSTOP)?;
    for (_, served) in &live {
        // Into the node proxy's socket, from which nobody reads any more.
        (&mut &*served).write_all(SECRET.as_bytes())?;
    }
    shop.mesh.remove(&shop.api)?;
    for (_, served) in &live {
        ensure_cut_when_used(served)?;
    }
    let seen = wire.finish()?;
    ensure!(!seen.contains(SECRET.as_bytes()), "the application's bytes left in the clear");
    let direct = seen.lines(&format!("tcp port {PORT}"), &[])?;
    ensure!(direct.is_empty(), "packets of delivered connections left as they were: {direct:#?}");

    signal(&mut shop, Signal::SIGCONT)?;
    for (client, _) in &live {
        ensure_cut_when_used(client)?;
    }
    shop.mesh.remove(&shop.web)?;
    let wire = tap(&shop)?;
    for (client, served) in connect(&shop, &application)? {
        carries(&client, &served, SECRET)?;
    }
    ensure!(wire.finish()?.contains(SECRET.as_bytes()), "the check cannot fail: plaintext was not seen");
    Ok(())
}

/// A connection to each of the server's addresses, and the server's end of it.
fn connect(shop: &Shop, application: &Listener) -> Result<Vec<(TcpStream, TcpStream)>> {
    let connect = |to| Ok((dial(shop.web.namespace(), to)?, application.accept()?));
    pod_addresses(&shop.api).iter().map(connect).collect()
}

/// To the server's node proxy.
fn signal(shop: &mut Shop, signal: Signal) -> Result<()> {
    shop.mesh.proxy("n2")?.as_ref().context("no node proxy")?.signal(signal)
}
