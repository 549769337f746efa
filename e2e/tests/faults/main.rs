//! Programs of the mesh that die or are stopped, and what the applications notice of it.

mod agent;
mod controller;
mod drain;
mod node_proxy;

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, dial};
use karez_lab::{Mesh, Process, Settings};
use serde_json::Value;

/// The server's port, and that of the Service in front of it.
const PORT: u16 = 8080;

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

/// Every Pod is captured, as the operator is told.
fn ensure_captured(mesh: &Mesh) -> Result<()> {
    let status = mesh.status()?;
    let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_captured = |pod: &Value| pod.get("captured") == Some(&Value::Bool(true));
    ensure!(!pods.is_empty() && pods.iter().all(is_captured), "not all Pods are captured: {status}");
    Ok(())
}
