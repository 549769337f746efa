//! The same request with and without the mesh, as seen between the nodes.

use anyhow::{Context as _, Result, ensure};
use karez_lab::Pod;
use karez_lab::wire::{Capture, Wire};

use super::{Stage, say};
use crate::demo::render::hexdump;
use crate::demo::world::{HTTP, NODES, SECRET};

/// The port of the tunnels (HBONE).
const TUNNEL: u16 = 15008;
/// Type and version of a TLS record with application data (RFC 8446 section 5.2).
const TLS_DATA: [u8; 3] = [0x17, 3, 3];
const LINES: usize = 6;

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    stage.remark("Without the mesh, from a Pod outside it to a server outside it:");
    let plain = seen(stage, &world.plain, &format!("curl -s http://{}:{HTTP}/prices", world.bare.v4))?;
    ensure!(
        plain.contains(SECRET.as_bytes()),
        "the secret was not seen without the mesh: this check could not fail"
    );
    let answer = plain.payload(&payload_from(&world.bare, HTTP))?.context("no answer was captured")?;
    let end = answer.windows(SECRET.len()).position(|window| window == SECRET.as_bytes()).unwrap_or(0);
    say(&hexdump(answer.get(end.saturating_sub(64)..).unwrap_or_default(), LINES));

    stage.remark("The same request by the mesh:");
    let meshed = seen(stage, &world.web, "curl -s http://catalog/prices")?;
    ensure!(!meshed.contains(SECRET.as_bytes()), "the secret crossed the wire in the clear");
    let record = meshed.payload(&payload_from(&world.catalog, TUNNEL))?.context("no tunnel was captured")?;
    ensure!(record.starts_with(&TLS_DATA), "not a TLS record: {:02x?}", record.get(..8));
    say(&hexdump(&record, LINES));
    let packets = meshed.count("tcp")?;
    ensure!(
        meshed.count(&format!("tcp port {TUNNEL}"))? == packets,
        "not all of the {packets} packets are a tunnel's"
    );
    say(&format!("{packets} packets, all of them to or from port {TUNNEL}; the price list is in none."));
    Ok(())
}

fn seen(stage: &Stage<'_>, from: &Pod, line: &str) -> Result<Capture> {
    let mesh = &stage.world.mesh;
    // What the node proxies say to the controller crosses the same switch.
    let pods = format!("tcp and host {}", from.v4);
    let wire = Wire::tap(mesh.network.switch(), NODES[0], mesh.folder(), &pods)?;
    let printed = stage.run(from, line)?;
    ensure!(printed.contains(SECRET), "curl printed {printed:?}");
    wire.finish()
}

/// Segments from a port of a Pod that carry as much as the answer takes.
fn payload_from(pod: &Pod, port: u16) -> String {
    let data = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) > 200";
    format!("src host {} and tcp src port {port} and {data}", pod.v4)
}
