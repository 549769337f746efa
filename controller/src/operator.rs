//! What node proxies report and what the operator's command asks.
//!
//! * [`advice`] – pure: what to do about a Pod, on a cluster and without one
//! * [`status`] – pure: one answer made of all that is known
//! * [`service`] – the gRPC services

mod advice;
mod service;
mod status;

pub use advice::Enrolment;
pub use service::{OperatorService, ReportService};
