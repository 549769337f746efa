//! Memory, CPU and descriptors of the process, under Prometheus' usual names.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the figures at each scrape. Leaves out those that the system does not give.
#[derive(Debug)]
pub(crate) struct Usage {
    started: SystemTime,
}

impl Usage {
    /// For a process that has just started.
    pub(crate) fn new() -> Self {
        Self { started: SystemTime::now() }
    }
}

impl Collector for Usage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory", kibibytes(&status, "VmRSS:")),
            ("process_virtual_memory_bytes", "Virtual memory", kibibytes(&status, "VmSize:")),
            ("process_threads", "Threads", field(&status, "Threads:")),
            ("process_open_fds", "Open descriptors", open_descriptors()),
            ("process_max_fds", "Descriptors that may be open", descriptor_limit()),
            ("process_start_time_seconds", "Start, in seconds since 1970", Some(started.as_secs())),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        if let Some(seconds) = cpu_seconds() {
            let (name, help) = ("process_cpu_seconds", "CPU time, user and system");
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        Ok(())
    }
}

/// A number in `/proc/self/status` (proc_pid_status(5)).
fn field(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    field(status, name)?.checked_mul(1024)
}

fn open_descriptors() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // One of them is the open directory itself.
    u64::try_from(entries.count()).ok()?.checked_sub(1)
}

fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

fn cpu_seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let microseconds = (usage.user_time() + usage.system_time()).num_microseconds();
    // Exact in an f64 for 285 years.
    Some(microseconds as f64 / 1e6)
}

#[cfg(test)]
mod tests;
