//! What a change of a big mesh costs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::value_parser;
use karez_e2e::bench::report::Row;
use karez_e2e::bench::scale::case::{Case, PODS, PROXIES};
use karez_e2e::bench::scale::simulation::Simulation;
use karez_e2e::bench::scale::source::Source;
use karez_e2e::bench::scale::source::cluster::Cluster;
use karez_e2e::bench::scale::source::folder::Folder;
use karez_e2e::bench::scale::table::table;
use karez_e2e::bench::scale::{changes, node_proxy};
use karez_e2e::scratch::Scratch;
use karez_lab::Settings;

use crate::output::{progress, say, write_json};

/// The flags.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also writes the figures there: an array of {case, peer, metric, value, per_proxy_cpu_s}.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seconds of each case, with ten changes in each.
    #[arg(long, default_value = "10", value_parser = value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Only cases whose name holds this text, such as `10000-pods/`, `/1-proxies` or `node-proxy`.
    #[arg(long)]
    only: Option<String>,
    /// The controller watches a real API server, which holds the simulated objects, in the place of a folder of manifests. Needs
    /// the programs that `e2e/kube up` builds. Node proxies are measured with a folder all the same.
    #[arg(long)]
    kubernetes: bool,
}

/// Measures, and prints what was found.
pub(crate) fn measure(options: &Options) -> Result<()> {
    let scratch = Scratch::create("bench")?;
    let mut cluster = options.kubernetes.then(|| cluster(scratch.path())).transpose()?;
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for pods in PODS {
        let cases = cases(pods, options);
        let measured = [
            (!cases.is_empty()).then(|| match &mut cluster {
                Some(cluster) => controller(cluster, &cases, options, &mut rows),
                None => controller_of_folder(scratch.path(), &cases, options, &mut rows),
            }),
            is_wanted(options, &node_proxy(pods)).then(|| node(scratch.path(), pods, options, &mut rows)),
        ];
        failures.extend(measured.into_iter().flatten().filter_map(Result::err).map(|error| {
            progress(&format!("no figure: {error:#}"));
            format!("{pods} Pods: {error:#}")
        }));
    }
    ensure!(!rows.is_empty() || !failures.is_empty(), "no case's name holds {:?}", options.only);
    say(&table(&rows));
    write_json(options.json.as_deref(), &rows)?;
    ensure!(failures.is_empty(), "not everything was measured:\n{}", failures.join("\n"));
    Ok(())
}

fn is_wanted(options: &Options, case: &str) -> bool {
    options.only.as_ref().is_none_or(|only| case.contains(only))
}

fn node_proxy(pods: u32) -> String {
    format!("{pods}-pods/node-proxy")
}

/// The cases with so many Pods that are wanted, and that the machine has memory for.
fn cases(pods: u32, options: &Options) -> Vec<Case> {
    let cases = PROXIES.map(|proxies| Case { pods, proxies }).into_iter();
    cases.filter(|case| is_wanted(options, &case.to_string()) && has_memory(*case)).collect()
}

fn has_memory(case: Case) -> bool {
    let (needed, available) = (case.memory(), available_memory());
    if needed > available {
        let gib = |bytes: u64| bytes >> 30;
        progress(&format!(
            "{case} is left out: its proxies hold about {} GiB, and {} are available",
            gib(needed),
            gib(available)
        ));
    }
    needed <= available
}

/// `MemAvailable` of proc_meminfo(5), in bytes.
fn available_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

fn cluster(scratch: &Path) -> Result<Source> {
    progress("starting an API server");
    let proxies = PROXIES.into_iter().max().unwrap_or_default();
    Ok(Source::Cluster(Box::new(Cluster::start(&scratch.join("cluster"), proxies)?)))
}

fn controller_of_folder(
    scratch: &Path,
    cases: &[Case],
    options: &Options,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let folder = scratch.join("folder");
    let mut source = Source::Folder(Folder::create(&folder)?);
    controller(&mut source, cases, options, rows)?;
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// What changes cost a controller.
fn controller(source: &mut Source, cases: &[Case], options: &Options, rows: &mut Vec<Row>) -> Result<()> {
    let pods = cases.first().context("no case")?.pods;
    let proxies = cases.iter().map(|case| case.proxies).max().unwrap_or_default();
    let program = Settings::default().programs.join("karez-controller");
    progress(&format!("starting the controller with {pods} Pods"));
    let mut simulation = Simulation::start(source, &program, pods, changes::count(options.seconds), proxies)?;
    rows.extend(simulation.started().rows(pods));
    for case in cases {
        progress(&format!("{case}: connecting the proxies, then {} s of changes", options.seconds));
        rows.extend(simulation.measure(case.proxies).with_context(|| case.to_string())?);
    }
    simulation.stop()
}

/// What they cost a node proxy.
fn node(scratch: &Path, pods: u32, options: &Options, rows: &mut Vec<Row>) -> Result<()> {
    let case = node_proxy(pods);
    progress(&format!("{case}: a node, then {} s of changes", options.seconds));
    let folder = scratch.join("node");
    rows.extend(
        node_proxy::measure(&folder, pods, changes::count(options.seconds)).with_context(|| case.clone())?,
    );
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}
