//! `karez-bench`: what a node proxy costs, beside others. Run it by `e2e/bench`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use karez_e2e::bench::case::{self, Case};
use karez_e2e::bench::report::{self, Results};
use karez_e2e::bench::side::{NODES, Side};
use karez_e2e::scratch::Scratch;
use karez_lab::{Mesh, Settings, other};

/// What a node proxy costs, beside others, in one run on the same two nodes.
#[derive(Debug, Parser)]
#[command(name = "e2e/bench")]
struct Command {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// TCP between two Pods: direct, an HAProxy mTLS pair, Karez, and any other node proxy.
    #[command(after_help = peer_help())]
    L4(Options),
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Also writes the medians there: an array of {case, peer, metric, value, per_proxy_cpu_s}.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another node proxy that speaks ZDS and the controller's xDS and CA: a program or a wrapper around one.
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    peer: Vec<(String, PathBuf)>,
    /// Runs of each case.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Runs of the cases that measure memory, which hardly vary and take a minute each.
    #[arg(long, default_value_t = 2)]
    memory_runs: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Only cases whose name holds this text, such as `cross/` or `pingpong`.
    #[arg(long)]
    only: Option<String>,
}

fn peer_help() -> String {
    let lines: String =
        other::ENVIRONMENT.iter().map(|(name, meaning)| format!("  {name:<20} {meaning}\n")).collect();
    format!(
        "The program of --peer is run as root on each node, without arguments, with this environment:\n{lines}"
    )
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("expected NAME=PATH")?;
    let path = PathBuf::from(path).canonicalize().map_err(|error| format!("{path}: {error}"))?;
    Ok((name.to_owned(), path))
}

fn main() -> Result<()> {
    let Bench::L4(options) = Command::parse().bench;
    let wanted = |case: &Case| options.only.as_ref().is_none_or(|only| case.to_string().contains(only));
    let cases: Vec<_> = case::all().into_iter().filter(wanted).collect();
    let scratch = Scratch::create("bench")?;
    progress("starting two nodes");
    let mut mesh = Mesh::start(scratch.path(), &NODES, Settings::default())?;
    let mut sides = vec![Side::direct(&mut mesh)?, Side::haproxy(&mut mesh)?, Side::karez(&mut mesh)?];
    for (name, program) in &options.peer {
        sides.push(Side::other(&mut mesh, name, program).with_context(|| format!("peer {name}"))?);
    }
    let results = measure(&cases, &sides, &options);
    let rows = results.rows();
    say(&report::table(&rows));
    say(&report::picture(&rows));
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&rows)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn measure(cases: &[Case], sides: &[Side], options: &Options) -> Results {
    let mut results = Results::default();
    for (number, case) in cases.iter().enumerate() {
        let runs = if case.is_memory() { options.memory_runs } else { options.runs };
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
                    Err(error) => progress(&format!("{case} with {} gives no figure: {error:#}", side.name)),
                }
            }
        }
    }
    results
}

#[allow(clippy::print_stdout, reason = "its output is its result")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "progress is for the person who waits")]
fn progress(text: &str) {
    eprintln!("bench: {text}");
}
