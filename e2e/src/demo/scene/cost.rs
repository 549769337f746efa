//! Time and memory.

use anyhow::{Context as _, Result, ensure};
use karez_lab::Pod;

use super::{Stage, conclude, remark, show as show_text};
use crate::bench::usage;
use crate::demo::render::{bytes, table};
use crate::demo::world::{CATALOG, ECHO, NODES};
use crate::peer::load::Figures;
use crate::peers;

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    remark("128 bytes from node to node and back, one at a time, the median of 2 s each:");
    let direct = round_trip(&world.plain, &format!("{}:{ECHO}", world.bare.v4))?;
    let meshed = round_trip(&world.web, &format!("{CATALOG}:{ECHO}"))?;
    show_text(&table(&[
        vec!["DIRECT".to_owned(), "BY THE MESH".to_owned()],
        vec![format!("{direct:.0} µs"), format!("{meshed:.0} µs")],
    ]));
    ensure!(
        direct > 0.0 && meshed > direct,
        "direct {direct} µs, by the mesh {meshed} µs: something else was measured"
    );
    remark("Resident memory, after all of the above:");
    show_text(&table(&memory(stage)?));
    if cfg!(debug_assertions) {
        conclude(
            "These programs were built for tests (--profile dev): figures that mean something come from --profile release.",
        );
    }
    conclude(
        "`e2e/bench l4` measures in earnest, beside HAProxy. If your Pods share one trusted network and nobody asks for\n\
         encryption or for proof of who called, you do not need a mesh.",
    );
    Ok(())
}

/// Median in microseconds.
fn round_trip(from: &Pod, to: &str) -> Result<f64> {
    let printed = peers::run_peer(from, &["pingpong", to, "--seconds", "2"])?;
    let figures: Figures = serde_json::from_str(&printed).with_context(|| printed.clone())?;
    ensure!(figures.errors == 0, "{printed}");
    Ok(figures.latency.context("no latency")?.p50_us)
}

fn memory(stage: &Stage<'_>) -> Result<Vec<Vec<String>>> {
    let mesh = &stage.world.mesh;
    let resident = |process: Option<u32>| {
        let process = process.context("it does not run")?;
        Ok::<_, anyhow::Error>(bytes(usage::memory_kib(process)? * 1024))
    };
    let mut rows =
        vec![vec![String::new(), "NODE PROXY".to_owned(), "AGENT".to_owned(), "CONTROLLER".to_owned()]];
    for node in NODES {
        let carrier = mesh.carrier(node)?;
        rows.push(vec![node.to_owned(), resident(Some(carrier.proxy))?, resident(carrier.agent)?]);
    }
    let nothing = || "-".to_owned();
    rows.push(vec!["control".to_owned(), nothing(), nothing(), resident(mesh.controller_pid())?]);
    Ok(rows)
}
