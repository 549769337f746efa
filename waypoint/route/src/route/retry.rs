//! What is tried again.

use std::time::Duration;

use http::StatusCode;

/// The retries of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retry {
    /// Answers that are tried again, besides failed connections.
    pub codes: Vec<StatusCode>,
    /// Most tries after the first. `None`: the waypoint's own default counts.
    pub attempts: Option<u32>,
    /// Least time between two tries. `None`: the waypoint's own default counts.
    pub backoff: Option<Duration>,
}
