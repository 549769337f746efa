//! What node proxies report and what the operator's command asks.
//!
//! * [`status`] – pure: one answer made of all that is known
//! * [`service`] – the gRPC services

mod service;
mod status;

pub use service::{OperatorService, ReportService};
