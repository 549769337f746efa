//! The same request with and without the mesh, as seen between the nodes.

use anyhow::{Context as _, Result, ensure};
use karez_lab::Pod;
use karez_lab::wire::{Capture, Wire};

use super::{Stage, conclude, remark, show as show_text};
use crate::demo::render::hexdump;
use crate::demo::world::{HTTP, NODES, SECRET};

/// The port of the tunnels (HBONE).
const TUNNEL: u16 = 15008;
/// Type and version of a TLS record with application data (RFC 8446 section 5.2).
const TLS_DATA: [u8; 3] = [0x17, 3, 3];
/// Filter: the segment carries as much as the answer takes.
const LARGE: &str = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) > 200";
/// Filter: its first byte is that of [`TLS_DATA`]. A handshake, if the tunnel is new, is no answer.
const DATA: &str = "tcp[((tcp[12] & 0xf0) >> 2)] = 0x17";
/// Rows of a dump; before the secret, and with it.
const BEFORE: usize = 2;
const ROWS: usize = 4;

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    remark("Between two Pods outside the mesh, whoever is on the way reads the answer:");
    let (plain, _) = seen(stage, &world.plain, &format!("curl -s http://{}:{HTTP}/prices", world.bare.v4))?;
    ensure!(
        plain.contains(SECRET.as_bytes()),
        "the secret was not seen without the mesh: this check could not fail"
    );
    let answer = plain.payload(&segment_from(&world.bare, HTTP, LARGE))?.context("no answer was captured")?;
    let secret = answer.windows(SECRET.len()).position(|window| window == SECRET.as_bytes());
    let start = secret.context("the answer is not in one segment")?.saturating_sub(BEFORE * 16);
    for (number, row) in hexdump(answer.get(start..).unwrap_or_default(), ROWS).iter().enumerate() {
        show_text(&if number < BEFORE { row.clone() } else { stage.colour.alarm(row) });
    }

    remark("The same request by the mesh:");
    let (meshed, packets) = seen(stage, &world.web, "curl -s http://catalog/prices")?;
    ensure!(!meshed.contains(SECRET.as_bytes()), "the secret crossed the wire in the clear");
    let record = meshed
        .payload(&segment_from(&world.catalog, TUNNEL, &format!("{DATA} and {LARGE}")))?
        .context("no answer was captured")?;
    ensure!(record.starts_with(&TLS_DATA), "not a TLS record: {:02x?}", record.get(..8));
    for row in hexdump(&record, ROWS) {
        show_text(&stage.colour.calm(&row));
    }
    let tunnelled = meshed.count(&format!("tcp port {TUNNEL}"))?;
    ensure!(tunnelled == packets, "{tunnelled} of {packets} packets are a tunnel's");
    conclude(&format!(
        "That is a TLS 1.3 record (17 03 03). {packets} packets crossed, all to or from port {TUNNEL}; the price list is in none."
    ));
    Ok(())
}

/// What a command in a Pod puts on the wire, and in how many packets.
fn seen(stage: &Stage<'_>, from: &Pod, line: &str) -> Result<(Capture, usize)> {
    let mesh = &stage.world.mesh;
    // What the node proxies say to the controller crosses the same switch.
    let pods = format!("tcp and host {}", from.v4);
    let wire = Wire::tap(mesh.network.switch(), NODES[0], mesh.folder(), &pods)?;
    let printed = stage.run(from, line)?;
    ensure!(printed.contains(SECRET), "curl printed {printed:?}");
    let capture = wire.finish()?;
    let packets = capture.count("tcp")?;
    ensure!(packets > 0, "no packet was captured");
    Ok((capture, packets))
}

fn segment_from(pod: &Pod, port: u16, filter: &str) -> String {
    format!("src host {} and tcp src port {port} and {filter}", pod.v4)
}
