//! Pods that enter and leave the mesh while they run.

mod again;
mod check;
mod entering;
mod errors;
mod hanging;
mod leaks;
mod leaving;
mod neighbours;
mod privilege;
mod repair;
mod reuse;
mod rights;
mod zds;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::PATIENCE;
use karez_lab::wire::Wire;
use karez_lab::{Mesh, Pod, wait};
use serde_json::Value;

/// The server's port, and that of the Service in front of it.
const PORT: u16 = 8080;
const SECRET: &str = "the-secret-of-the-water";
/// The first packet of a TCP connection.
const SYN: &str = "(tcp[13] & 0x12 = 2 or (ip6[6] = 6 and ip6[53] & 0x12 = 2))";

/// Waits until the operator is told that a Pod is captured.
fn wait_captured(mesh: &Mesh, pod: &Pod) -> Result<()> {
    wait::until(&format!("{} to be captured", pod.reference()), Duration::from_secs(10), || {
        let status = mesh.status()?;
        let pods = status.get("pods").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = pods.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(&*pod.name));
        let is_captured = found.and_then(|found| found.get("captured")) == Some(&Value::Bool(true));
        ensure!(is_captured, "{status}");
        Ok(())
    })
}

/// All that passes between the first node and the others.
fn tap(shop: &Shop) -> Result<Wire> {
    Wire::tap(shop.mesh.network.switch(), "n1", shop.mesh.folder(), "tcp")
}

/// The server in a Pod, by both of its addresses: without a Service, so that it can be dialled past the mesh too.
fn pod_addresses(pod: &Pod) -> [String; 2] {
    pod.addresses().map(|ip| SocketAddr::new(ip, PORT).to_string())
}

/// Whether something failed because its connection was reset.
fn is_cut(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(is_reset)
}

fn is_reset(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
}

/// Sends until the connection is reset: not finished, not swallowed.
fn ensure_cut_when_used(stream: &TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    wait::until("the connection to be reset", PATIENCE, || {
        let used = (&mut &*stream).write_all(b"still?").and_then(|()| (&mut &*stream).read(&mut [0; 64]));
        ensure!(used.as_ref().is_err_and(is_reset), "it goes on: {used:?}");
        Ok(())
    })
}
