//! Metrics and access log of the data plane's connections.
//!
//! A [`Worker`] (one a data-plane thread) opens a [`FlowRecord`] for each connection. However the connection ends, the
//! record counts it and writes one line of the access log. Each worker counts for itself. A scrape of [`Metrics`] sums
//! the workers, with the bytes of living connections.
//!
//! * `endpoint` – the two sides of a connection, in the terms of Istio's labels
//! * `record` – one connection, from accept to end
//! * `worker` – one thread's series by their labels
//! * `labels` – the label set of Istio's L4 metrics
//! * `series` – counters of one label set, and the register of all
//! * `metrics` – all metrics of the process, in Prometheus' format
//! * `connections`, `family` – the parts that `metrics` encodes
//! * `usage` – memory, CPU and descriptors of the process
//! * `access_log` – JSON lines through a bounded queue
//! * `timestamp` – RFC 3339

mod access_log;
mod connections;
mod endpoint;
mod family;
mod labels;
mod metrics;
mod record;
mod series;
mod timestamp;
mod usage;
mod worker;

pub use access_log::AccessLog;
pub use endpoint::{Direction, Endpoint, Flow, FlowSide, Locality, Security, Service};
pub use family::Sample;
pub use metrics::Metrics;
pub use record::FlowRecord;
pub use series::Moved;
pub use worker::Worker;
