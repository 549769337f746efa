//! One case: so many Pods, so many proxies; and what was found.

use std::fmt;
use std::time::Duration;

use super::changes::Pushes;
use super::controller::Start;
use crate::bench::report::Row;

/// Sizes of the simulated mesh, in Pods.
pub const PODS: [u32; 3] = [1_000, 10_000, 100_000];
/// How many proxies are connected.
pub const PROXIES: [u32; 3] = [1, 100, 1_000];
/// What a connected proxy holds of a Pod in the bench's own process: a name and a version, twice at times.
const BYTES_PER_POD: u64 = 300;

/// So many Pods, so many proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Pods of the simulated mesh.
    pub pods: u32,
    /// Proxies that are connected.
    pub proxies: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-pods/{}-proxies", self.pods, self.proxies)
    }
}

impl Case {
    /// Memory that the bench's own proxies take.
    #[must_use]
    pub fn memory(self) -> u64 {
        u64::from(self.pods) * u64::from(self.proxies) * BYTES_PER_POD
    }
}

/// What changes cost, all of them together.
#[derive(Debug, Clone)]
pub struct Cost {
    /// How many there were.
    pub changes: usize,
    /// The time that they took.
    pub wall: Duration,
    /// CPU time of the controller meanwhile.
    pub controller: Duration,
    /// CPU time of the controller in a second without changes.
    pub idle: Duration,
    /// CPU time of the bench itself meanwhile: of all proxies.
    pub bench: Duration,
    /// Resident memory of the controller before.
    pub rss_before_kib: u64,
    /// Resident memory of the controller after.
    pub rss_kib: u64,
}

impl Cost {
    /// The figures of one case.
    #[must_use]
    pub fn rows(&self, case: Case, pushes: &Pushes) -> Vec<Row> {
        let each = |time: f64| time * 1000.0 / self.changes.max(1) as f64;
        let idle = self.idle.as_secs_f64();
        let name = case.to_string();
        [
            ("cpu_ms", each(self.controller.as_secs_f64() - idle * self.wall.as_secs_f64())),
            ("idle_cpu_ms_s", idle * 1000.0),
            ("push_p50_ms", pushes.each.p50_us / 1000.0),
            ("push_p99_ms", pushes.each.p99_us / 1000.0),
            ("last_p99_ms", pushes.last.p99_us / 1000.0),
            ("rss_before_kib", self.rss_before_kib as f64),
            ("rss_kib", self.rss_kib as f64),
            ("bench_cpu_ms", each(self.bench.as_secs_f64())),
        ]
        .map(|(metric, value)| row(&name, metric, value))
        .to_vec()
    }
}

impl Start {
    /// The figures of a start with so many Pods.
    #[must_use]
    pub fn rows(&self, pods: u32) -> Vec<Row> {
        let name = format!("{pods}-pods/start");
        [
            ("cpu_s", self.cpu.as_secs_f64()),
            ("wall_s", self.wall.as_secs_f64()),
            ("rss_kib", self.rss_kib as f64),
        ]
        .map(|(metric, value)| row(&name, metric, value))
        .to_vec()
    }
}

/// A figure of one run.
#[must_use]
pub fn row(case: &str, metric: &'static str, value: f64) -> Row {
    Row {
        case: case.to_owned(),
        peer: "karez".to_owned(),
        metric,
        value,
        per_proxy_cpu_s: None,
        spread: (value, value),
    }
}

#[cfg(test)]
mod tests;
