//! How long an answer may take.

use std::time::Duration;

/// The timeouts of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// From the request to the end of the answer, all tries together.
    pub request: Timeout,
    /// Of one try.
    pub backend_request: Timeout,
}

/// A timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timeout {
    /// The route says nothing: the waypoint's own default counts.
    #[default]
    Unspecified,
    /// The route says `0s`: there is none.
    Disabled,
    /// After this time.
    After(Duration),
}

impl From<Option<Duration>> for Timeout {
    fn from(duration: Option<Duration>) -> Self {
        match duration {
            None => Self::Unspecified,
            Some(Duration::ZERO) => Self::Disabled,
            Some(duration) => Self::After(duration),
        }
    }
}
