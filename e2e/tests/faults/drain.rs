//! A node proxy that is asked to end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;
use karez_e2e::hbone::client::Tunnel;
use karez_e2e::hbone::pki::{Authority, Leaf};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes, ensure_reset};
use karez_lab::{Settings, wait};
use nix::sys::signal::Signal;

use crate::{PORT, echo_shop, ensure_answered, ensure_served, is_silent};

const LIMIT: Duration = Duration::from_secs(15);
/// More than the workers of either node proxy: each has tunnels of its own.
const NEW: usize = 6;

fn with_deadline(deadline: &str) -> Settings {
    Settings {
        node_arguments: vec!["--drain-deadline".to_owned(), deadline.to_owned()],
        ..Settings::default()
    }
}

#[test]
fn what_is_open_may_finish_and_what_is_new_waits_for_the_next_one() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain", with_deadline("60s"))?;
    for node in ["n1", "n2"] {
        let to = format!("{VIP}:{PORT}");
        let live = dial(shop.web.namespace(), &to)?;
        echoes(&live, "before")?;
        let mut leaving = shop.mesh.proxy(node)?.take().context("no proxy")?;
        leaving.signal(Signal::SIGTERM)?;
        for word in ["while", "it", "drains"] {
            echoes(&live, word)?;
        }
        drop(live);
        let status = leaving.wait(LIMIT)?;
        ensure!(status.success(), "it ended with {status}");
        let waiting = dial(shop.web.namespace(), &to)?;
        shop.mesh.start_node(node)?;
        echoes(&waiting, "after")?;
        shop.mesh.wait_ready(node)?;
        ensure_served(&shop)?;
    }
    Ok(())
}

#[test]
fn after_the_deadline_what_is_open_is_cut() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain-late", with_deadline("1s"))?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, "before")?;
    let status = shop.mesh.proxy("n1")?.take().context("no proxy")?.terminate(LIMIT)?;
    ensure!(status.success(), "it ended with {status}");
    ensure_reset(&live)
}

#[test]
fn its_peers_are_told_to_open_no_more_streams() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain-goaway", with_deadline("60s"))?;
    let mut tunnel = tunnel(&shop)?;
    let to = format!("{}:{PORT}", shop.api.v4);
    let (status, mut stream) = tunnel.connect(&to, &[])?;
    ensure!(status == StatusCode::OK, "{status}");
    stream.echoes("before")?;
    let mut leaving = shop.mesh.proxy("n2")?.take().context("no proxy")?;
    leaving.signal(Signal::SIGTERM)?;
    wait::until("GOAWAY", LIMIT, || {
        let error = tunnel.connect(&to, &[]).err().context("another stream was taken")?;
        let told =
            error.downcast_ref::<h2::Error>().is_some_and(|error| error.is_go_away() && error.is_remote());
        ensure!(told, "{error:#}");
        Ok(())
    })?;
    stream.echoes("while it drains")?;
    drop(stream);
    let status = leaving.wait(LIMIT)?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

#[test]
fn new_connections_leave_its_tunnels_alone_and_wait_for_the_next_one() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain-new", with_deadline("60s"))?;
    let dial = || dial(shop.web.namespace(), format!("{VIP}:{PORT}"));
    let live = (0..NEW).map(|_| dial()).collect::<Result<Vec<_>>>()?;
    live.iter().try_for_each(|live| echoes(live, "before"))?;
    let mut leaving = shop.mesh.proxy("n2")?.take().context("no proxy")?;
    leaving.signal(Signal::SIGTERM)?;
    let mut waiting = vec![wait::until("a new connection to wait", LIMIT, || {
        let new = dial()?;
        ensure!(is_silent(&new)?, "the leaving one has carried it");
        Ok(new)
    })?];
    for _ in 0..NEW {
        let new = dial()?;
        ensure!(is_silent(&new)?, "the leaving one still carries what is new");
        waiting.push(new);
    }
    live.iter().try_for_each(|live| echoes(live, "while it drains"))?;
    drop(live);
    let status = leaving.wait(LIMIT)?;
    ensure!(status.success(), "it ended with {status}");
    shop.mesh.start_node("n2")?;
    waiting.iter().try_for_each(ensure_answered)?;
    shop.mesh.wait_ready("n2")?;
    ensure_served(&shop)
}

/// A tunnel to `shop/api` by hand.
fn tunnel(shop: &Shop) -> Result<Tunnel> {
    let client = Leaf::of("spiffe://cluster.local/ns/shop/sa/web")?;
    let credential = Authority::of(&shop.mesh)?.issue(&client)?;
    Tunnel::open(dial(shop.outside.namespace(), format!("{}:15008", shop.api.v4))?, &credential)
}
