//! What a node proxy costs, beside others, in one run on the same two nodes.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::bench::case::{self, Case};
use karez_e2e::bench::peer::{self, Peer};
use karez_e2e::bench::report::{self, Results};
use karez_e2e::bench::side::{NODES, Side};
use karez_e2e::scratch::Scratch;
use karez_lab::{Mesh, Settings, other};

use crate::output::{progress, say, write_json};

/// The flags.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also writes the medians there: an array of {case, peer, metric, value, per_proxy_cpu_s}.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another node proxy that speaks ZDS and the controller's xDS and CA: a program or a wrapper around one.
    #[arg(long, value_name = "NAME=PATH")]
    peer: Vec<Peer>,
    /// Runs of each case.
    #[arg(long, default_value = "3")]
    runs: NonZeroUsize,
    /// Runs of the cases that measure memory, which hardly vary and take a minute each.
    #[arg(long, default_value = "2")]
    memory_runs: NonZeroUsize,
    /// Seconds of each run.
    #[arg(long, default_value = "4", value_parser = positive)]
    seconds: f64,
    /// Only cases whose name holds this text, such as `cross/` or `pingpong`.
    #[arg(long)]
    only: Option<String>,
    /// TCP's congestion control in all Pods, on every side; unless told, Linux's default, cubic, or reno where namespaces may
    /// not use that. This machine's own choice is not asked, because figures depend on it: bbr halves bulk where packets
    /// cross no real network.
    #[arg(long, value_name = "NAME")]
    congestion_control: Option<String>,
}

pub(crate) fn peer_help() -> String {
    let lines: String =
        other::ENVIRONMENT.iter().map(|(name, meaning)| format!("  {name:<20} {meaning}\n")).collect();
    format!(
        "The program of --peer is run as root on each node, without arguments, with this environment:\n{lines}"
    )
}

fn positive(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if seconds.is_finite() && seconds > 0.0 { Ok(seconds) } else { Err("expected more than 0".to_owned()) }
}

/// A congestion control without timers of its own that namespaces may use: all may use reno.
fn unpaced() -> String {
    let allowed = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
    let is_cubic_allowed = allowed.is_ok_and(|names| names.split_whitespace().any(|name| name == "cubic"));
    if is_cubic_allowed { "cubic" } else { "reno" }.to_owned()
}

/// Measures, and prints what was found.
pub(crate) fn compare(options: &Options) -> Result<()> {
    let wanted = |case: &Case| options.only.as_ref().is_none_or(|only| case.to_string().contains(only));
    let cases: Vec<_> = case::all().into_iter().filter(wanted).collect();
    ensure!(!cases.is_empty(), "no case's name holds {:?}", options.only.as_deref().unwrap_or_default());
    peer::ensure_distinct(&options.peer)?;
    let scratch = Scratch::create("bench")?;
    let congestion_control = options.congestion_control.clone().unwrap_or_else(unpaced);
    progress(&format!("starting two nodes; TCP's congestion control is {congestion_control}"));
    let settings = Settings { congestion_control: Some(congestion_control), ..Settings::default() };
    let mut mesh = Mesh::start(scratch.path(), &NODES, settings)?;
    let mut sides = vec![Side::direct(&mut mesh)?, Side::haproxy(&mut mesh)?, Side::karez(&mut mesh)?];
    for Peer { name, program } in &options.peer {
        sides.push(Side::other(&mut mesh, name, program).with_context(|| format!("peer {name}"))?);
    }
    let results = measure(&cases, &sides, options);
    let rows = results.rows();
    say(&report::table(&rows));
    say(&report::picture(&rows));
    write_json(options.json.as_deref(), &rows)?;
    let failures = results.failures();
    ensure!(failures.is_empty(), "not everything was measured:\n{}", failures.join("\n"));
    Ok(())
}

fn measure(cases: &[Case], sides: &[Side], options: &Options) -> Results {
    let mut results = Results::default();
    for (number, case) in cases.iter().enumerate() {
        let runs = if case.is_memory() { options.memory_runs } else { options.runs }.get();
        for run in 0..runs {
            for offset in 0..sides.len() {
                // Who goes first changes with every run: what the machine does meanwhile hits all alike.
                let Some(side) = sides.get((offset + run) % sides.len()) else { continue };
                progress(&format!(
                    "{}/{} {case}, run {} of {runs}: {}",
                    number + 1,
                    cases.len(),
                    run + 1,
                    side.name
                ));
                match case.run(&side.bed(case.route), options.seconds) {
                    Ok(samples) => results.add(*case, &side.name, samples),
                    Err(error) => {
                        progress(&format!("no figure: {case} with {}: {error:#}", side.name));
                        results.add_failed(*case, &side.name, format!("{error:#}"));
                    }
                }
            }
        }
    }
    results
}
