//! Metrics that other parts of the program count, read at each scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// One value of a family: its labels, names first.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values, unique and always in the same order.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: u64,
}

/// Metrics that are read at each scrape.
pub(crate) struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

impl Family {
    pub(crate) fn new(
        name: &'static str,
        help: &'static str,
        kind: Kind,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, kind, read: Box::new(read) }
    }
}

/// Whether values can fall.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    pub(crate) fn encode(self, value: u64, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Counter => metric.encode_counter::<[(&str, &str); 0], _, u64>(&value, None),
            Self::Gauge => metric.encode_gauge(&value),
        }
    }
}

impl From<Kind> for MetricType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
        }
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for Family {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind.into())?;
        for Sample { labels, value } in (self.read)() {
            if labels.is_empty() {
                self.kind.encode(value, &mut metric)?;
            } else {
                self.kind.encode(value, &mut metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
