//! A simulated mesh with its controller and proxies.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use karez_link::controller::Settings;

use super::case::{Case, Cost};
use super::controller::{Controller, Start};
use super::proxies::Proxies;
use super::source::Source;
use super::{changes, objects};
use crate::bench::report::Row;
use crate::bench::usage;

const URL: &str = "https://127.0.0.1:15012";
/// How long the controller is watched while nothing changes.
const IDLE: Duration = Duration::from_secs(2);
/// After a case, until what its changes left behind has been done: a Pod's file settles for half a second.
const REST: Duration = Duration::from_secs(2);

/// A controller that serves simulated Pods to simulated proxies.
#[derive(Debug)]
pub struct Simulation<'a> {
    source: &'a mut Source,
    pods: u32,
    /// Pods that change.
    changing: BTreeSet<u32>,
    proxies: Proxies,
    controller: Controller,
    start: Start,
}

impl<'a> Simulation<'a> {
    /// Starts `program` over so many Pods, of which so many are going to change, for so many proxies at most.
    ///
    /// # Errors
    /// When files cannot be written, or the controller does not serve.
    pub fn start(
        source: &'a mut Source,
        program: &Path,
        pods: u32,
        changes: u32,
        proxies: u32,
    ) -> Result<Self> {
        let changing = changes::spread(pods, changes);
        source.fill(pods, &changing)?;
        let command = source.controller(program, proxies)?;
        let (controller, start) = Controller::start(source.folder(), command)?;
        Ok(Self { source, pods, changing, proxies: Proxies::new()?, controller, start })
    }

    /// What the start took.
    #[must_use]
    pub fn started(&self) -> Start {
        self.start
    }

    /// Connects proxies until there are so many, and measures what changes cost.
    ///
    /// # Errors
    /// When a proxy is not served, or a change does not arrive.
    pub fn measure(&mut self, proxies: u32) -> Result<Vec<Row>> {
        let case = Case { pods: self.pods, proxies };
        let root = self.source.root()?;
        self.proxies.connect(proxies, |number| settings(self.source, &root, number))?;
        std::thread::sleep(REST);
        let (controller, bench) = (&self.controller, std::process::id());
        let rss_before_kib = controller.resident_kib()?;
        let idle = spent(controller, IDLE)?;
        let (began, cpu, bench_cpu) = (Instant::now(), controller.cpu()?, usage::cpu_time(bench)?);
        // Each case makes another revision.
        let pushes = changes::make(&self.changing, &self.proxies, |pod| self.source.change(pod, proxies))?;
        let cost = Cost {
            changes: self.changing.len(),
            wall: began.elapsed(),
            controller: controller.cpu()?.saturating_sub(cpu),
            idle,
            bench: usage::cpu_time(bench)?.saturating_sub(bench_cpu),
            rss_before_kib,
            rss_kib: controller.resident_kib()?,
        };
        Ok(cost.rows(case, &pushes))
    }

    /// Ends all of it.
    ///
    /// # Errors
    /// When the controller does not stop.
    pub fn stop(self) -> Result<()> {
        drop(self.proxies);
        self.controller.stop()
    }
}

/// CPU time of the controller in a second of a time without changes.
fn spent(controller: &Controller, time: Duration) -> Result<Duration> {
    let (began, before) = (Instant::now(), controller.cpu()?);
    std::thread::sleep(time);
    let spent = controller.cpu()?.saturating_sub(before);
    Ok(spent.div_f64(began.elapsed().as_secs_f64()))
}

fn settings(source: &Source, root: &Path, proxy: u32) -> Settings {
    Settings {
        url: URL.to_owned(),
        ca_file: root.to_owned(),
        token_file: source.token_file(proxy),
        node: objects::node(proxy),
        namespace: "karez-system".to_owned(),
        cluster_id: "Kubernetes".to_owned(),
    }
}
