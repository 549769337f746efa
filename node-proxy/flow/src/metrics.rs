//! All metrics of the process, in Prometheus' format.

use std::sync::Arc;

use karez_process::build;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::access_log::AccessLog;
use crate::connections::Connections;
use crate::family::{Family, Kind, Sample};
use crate::series::Register;
use crate::usage::Usage;
use crate::worker::Worker;

/// Most label sets of connections.
const LABEL_SETS: usize = 10_000;

/// The process' metrics.
#[derive(Debug)]
pub struct Metrics {
    register: Arc<Register>,
    log: AccessLog,
    /// Metrics named with the prefix.
    own: Registry,
    /// Metrics that every process has.
    standard: Registry,
}

impl Metrics {
    /// Prefixes names with `prefix` and an underscore: `karez`, or `istio` for readers of Istio's metrics.
    #[must_use]
    pub fn new(prefix: &str, log: AccessLog) -> Self {
        let register = Register::new(LABEL_SETS);
        let mut own = Registry::with_prefix(prefix);
        own.register_collector(Box::new(Connections::new(Arc::clone(&register))));
        let build = Info::new(vec![("version", build::VERSION), ("commit", build::COMMIT)]);
        own.register("build", "Version and commit of the build", build);
        let mut standard = Registry::default();
        standard.register_collector(Box::new(Usage::new()));
        let mut metrics = Self { register, log: log.clone(), own, standard };
        let limited = log.clone();
        metrics
            .counter("access_log_dropped", "Lines of the access log that were lost", move || log.dropped());
        let help = "Failures of unknown clients that the access log left out";
        metrics.counter("access_log_left_out", help, move || limited.left_out());
        metrics
    }

    /// The counters of one data-plane thread. Call it once on each.
    #[must_use]
    pub fn worker(&self) -> Worker {
        Worker::new(Arc::clone(&self.register), self.log.clone())
    }

    /// Adds a counter whose value is read at each scrape. The name lacks prefix and `_total`.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.counters(name, help, move || vec![Sample { labels: Vec::new(), value: read() }]);
    }

    /// Adds a gauge whose value is read at each scrape.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.gauges(name, help, move || vec![Sample { labels: Vec::new(), value: read() }]);
    }

    /// Adds counters with labels, as [`Self::counter`].
    pub fn counters(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        self.family(Family::new(name, help, Kind::Counter, read));
    }

    /// Adds gauges with labels, as [`Self::gauge`].
    pub fn gauges(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        self.family(Family::new(name, help, Kind::Gauge, read));
    }

    fn family(&mut self, family: Family) {
        self.own.register_collector(Box::new(family));
    }

    /// Media type of [`Self::render`].
    pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All metrics, in the OpenMetrics text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode_registry(&mut text, &self.own)
            .and_then(|()| text::encode_registry(&mut text, &self.standard))
            .and_then(|()| text::encode_eof(&mut text));
        text
    }
}

#[cfg(test)]
mod tests;
