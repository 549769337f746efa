//! What crosses the wire between the nodes while something is broken.

use anyhow::{Result, ensure};
use karez_lab::Mesh;
use karez_lab::wire::Wire;

use crate::{PORT, PROBE};

/// Captures on the client's node.
pub(crate) fn tap(mesh: &Mesh) -> Result<Wire> {
    Wire::tap(mesh.network.switch(), "n1", mesh.folder(), "tcp")
}

/// Checks that there were tunnels, and nothing of the applications outside of them.
pub(crate) fn ensure_nothing_in_the_clear(wire: Wire) -> Result<()> {
    let seen = wire.finish()?;
    ensure!(!seen.contains(PROBE), "what was sent crossed the wire in the clear");
    ensure!(seen.count(&format!("tcp port {PORT}"))? == 0, "something went to the application's own port");
    ensure!(seen.count("tcp port 15008")? > 0, "the capture saw no tunnel: it could not fail");
    Ok(())
}
