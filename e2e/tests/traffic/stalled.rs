//! Streams that stand still, beside one that must not.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::peer::load::Figures;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{metrics, peers};
use karez_lab::wait;

const STALLED: usize = 99;
const PORTS: [(u16, u16); 4] = [(1, 9001), (2, 9002), (3, 9003), (4, 9004)];
/// A round trip among the stalled; a healthy one takes well under a millisecond.
const SLOWEST_US: f64 = 100_000.0;
/// Bytes that one Pod may leave unread, unless a node proxy is told otherwise.
const SHARE: u64 = 64 << 20;

#[test]
fn one_stream_stays_fast_beside_99_that_nobody_reads() -> Result<()> {
    let shop = Shop::open("stalled", &PORTS)?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--source", "9001", "--echo", "9002"])?;
    let (_nginx, root) = peers::nginx(&shop.mesh, &shop.api, 9003)?;
    fs::write(root.join("body"), vec![7; 10 << 20])?;

    // Windows grow for it; the stalled must fit nevertheless.
    download(&shop)?;
    let stalled = (0..STALLED)
        .map(|_| sockets::dial(shop.web.namespace(), format!("{VIP}:1")))
        .collect::<Result<Vec<_>>>()?;
    wait_standstill(&shop)?;

    let echo = format!("{VIP}:2");
    let printed = peers::run_peer(&shop.web, &["pingpong", &echo, "--size", "1024", "--seconds", "3"])?;
    let figures: Figures = serde_json::from_str(&printed)?;
    let p99_us = figures.latency.context("no latency")?.p99_us;
    ensure!(figures.units > 100 && p99_us < SLOWEST_US, "round trips beside the stalled: {printed}");

    download(&shop)?;
    for node in ["n1", "n2"] {
        let unread = metrics::value(&shop.mesh, node, "karez_unread_bytes")?;
        ensure!(unread <= SHARE, "{unread} bytes lie unread on {node}");
    }
    for stream in &stalled {
        ensure!(goes_on(stream)?, "a stream was cut off though there was room");
    }
    Ok(())
}

#[test]
fn a_server_that_never_answers_is_waited_for() -> Result<()> {
    let shop = Shop::open("silent", &PORTS)?;
    let server = peers::peer(&shop.mesh, &shop.api, &["--silent", "9004", "--echo", "9002"])?;
    let waiting = sockets::dial(shop.web.namespace(), format!("{VIP}:4"))?;
    let url = format!("http://{VIP}:4/");
    let output = shop.web.namespace().output("curl", &["-sS", "-m", "3", &url])?;
    // 28: the client's own patience ended, not the mesh's.
    ensure!(output.status.code() == Some(28), "curl: {output:?}");

    let other = sockets::dial(shop.web.namespace(), format!("{VIP}:2"))?;
    sockets::echoes(&other, "not silent")?;
    let nothing = (&mut &waiting).read(&mut [0]);
    let is_waiting = nothing.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    ensure!(is_waiting, "the connection ended by itself: {nothing:?}");

    sockets::reset(waiting)?;
    let left = |line: &Line| line.text("dst.hbone_addr").ends_with(":9004") && line.is_failure();
    access_log::wait_for(&shop.mesh, "n1", "the client that left", left)?;
    drop((other, server));
    metrics::wait_no_connection(&shop.mesh, &["n1", "n2"], PATIENCE)
}

/// Fetches 10 MiB, as fast as they go.
fn download(shop: &Shop) -> Result<()> {
    let url = format!("http://{VIP}:3/body");
    let arguments = ["-sS", "-f", "-m", "10", "-o", "/dev/null", "-w", "%{size_download}", &url];
    let size = shop.web.namespace().run("curl", &arguments)?;
    ensure!(size == (10 << 20).to_string(), "{size} bytes of 10 MiB came");
    Ok(())
}

/// Waits until the server cannot send any more: the same count for two seconds, as it is rendered once a second.
fn wait_standstill(shop: &Shop) -> Result<()> {
    let moved = || metrics::value(&shop.mesh, "n2", "karez_tcp_sent_bytes_total");
    let (mut last, mut since) = (0, Instant::now());
    wait::until("the sources to stand still", PATIENCE, || {
        let now = moved()?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        ensure!(now > 0 && since.elapsed().as_secs() >= 2, "{now} bytes moved");
        Ok(())
    })
}

/// Whether somebody who reads at last gets more than all windows hold; not, when the connection has been reset.
fn goes_on(stream: &TcpStream) -> Result<bool> {
    match (&mut &*stream).read_exact(&mut vec![0; 16 << 20]) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
        Err(error) => Err(error).context("reading on from a stalled stream"),
    }
}
