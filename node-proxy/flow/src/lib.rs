//! Metrics and access log of the connections that the data plane carries.
//!
//! A [`Worker`] (one a data-plane thread) opens a [`FlowRecord`] for each connection; when it ends, however it ends, the
//! record counts it and writes one line of the access log. Each worker counts for itself; [`Metrics`] adds the workers up
//! when it is scraped, the bytes of living connections included.
//!
//! * `endpoint` – the two sides of a connection, in the words of Istio's labels
//! * `record` – one connection, from accept to end
//! * `worker` – a thread's series, found again by their labels
//! * `labels` – the label set of Istio's L4 metrics
//! * `series` – counters of one label set, and the register of them all
//! * `metrics` – all metrics of the process, as Prometheus reads them
//! * `connections`, `family` – what is encoded there
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
