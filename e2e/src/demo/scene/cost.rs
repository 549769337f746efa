//! Time and memory.

use anyhow::{Context as _, Result, ensure};
use karez_lab::Pod;

use super::{Stage, say};
use crate::bench::usage;
use crate::demo::render::{bytes, table};
use crate::demo::world::{ECHO, NODES};
use crate::peer::load::Figures;
use crate::peers;

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    let direct = round_trip(&world.plain, &format!("{}:{ECHO}", world.bare.v4))?;
    let meshed = round_trip(&world.web, &format!("10.96.0.10:{ECHO}"))?;
    ensure!(
        direct > 0.0 && meshed > direct,
        "direct {direct} µs, by the mesh {meshed} µs: something else was measured"
    );
    say(&format!(
        "A round trip of 128 bytes between the nodes, median: {direct:.0} µs direct, {meshed:.0} µs by the mesh."
    ));
    let mut rows = vec![["RESIDENT MEMORY", "node proxy", "agent"].map(str::to_owned).to_vec()];
    for node in NODES {
        let carrier = world.mesh.carrier(node)?;
        let memory = |process: u32| Ok::<_, anyhow::Error>(bytes(usage::memory_kib(process)? * 1024));
        let agent = carrier.agent.context("no agent")?;
        rows.push(vec![node.to_owned(), memory(carrier.proxy)?, memory(agent)?]);
    }
    say(table(&rows).trim_end());
    stage.remark(
        "`e2e/bench l4` measures in earnest, beside HAProxy. If nobody asks you for encryption or for proof of who called,\n\
         you do not need a mesh.",
    );
    Ok(())
}

/// Median in microseconds.
fn round_trip(from: &Pod, to: &str) -> Result<f64> {
    let printed = peers::run_peer(from, &["pingpong", to, "--seconds", "2"])?;
    let figures: Figures = serde_json::from_str(&printed).with_context(|| printed.clone())?;
    Ok(figures.latency.context("no latency")?.p50_us)
}
