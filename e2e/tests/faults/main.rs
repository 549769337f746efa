//! Programs of the mesh that die or are stopped, and what the applications notice of it.

mod agent;
mod controller;
mod drain;
mod node_proxy;
mod wire;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, PATIENCE, dial};
use karez_lab::{Mesh, Process, Settings};
use serde_json::Value;

/// The server's port, and that of the Service in front of it.
const PORT: u16 = 8080;
/// Long enough for an answer, were there anybody to give one.
const SILENCE: Duration = Duration::from_millis(500);
const PROBE: &[u8] = b"is anybody there?";

/// A shop whose server sends back what it gets.
fn echo_shop(name: &str, settings: Settings) -> Result<(Shop, Process)> {
    let shop = Shop::open_with(name, &[(PORT, PORT)], settings)?;
    let server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    ensure_served(&shop)?;
    Ok((shop, server))
}

/// New connections are carried, by every address of the server.
fn ensure_served(shop: &Shop) -> Result<()> {
    for address in shop.addresses(PORT) {
        sockets::echoes(&dial(shop.web.namespace(), &address)?, "are you there?")?;
    }
    Ok(())
}

/// Nothing is wrong and every Pod is captured, as the operator is told.
fn ensure_all_is_well(mesh: &Mesh) -> Result<()> {
    mesh.karez(&["status"])?;
    let status = mesh.status()?;
    let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_captured = |pod: &Value| pod.get("captured") == Some(&Value::Bool(true));
    ensure!(!pods.is_empty() && pods.iter().all(is_captured), "not all Pods are captured: {status}");
    Ok(())
}

/// Sends something on a new connection; whether nothing comes of it: no answer, no end. An answer is taken off.
fn is_silent(new: &TcpStream) -> Result<bool> {
    (&mut &*new).write_all(PROBE)?;
    new.set_read_timeout(Some(SILENCE))?;
    let answer = (&mut &*new).read_exact(&mut [0; PROBE.len()]);
    new.set_read_timeout(Some(PATIENCE))?;
    match answer {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What was sent then has come back now.
fn ensure_answered(waiting: &TcpStream) -> Result<()> {
    let mut answer = [0; PROBE.len()];
    (&mut &*waiting).read_exact(&mut answer).context("what waited was not answered")?;
    ensure!(answer == PROBE, "the answer is {:?}", String::from_utf8_lossy(&answer));
    Ok(())
}
