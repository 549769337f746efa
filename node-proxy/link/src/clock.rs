//! Wall-clock time as an argument: certificates are valid between two points of it.

use std::fmt;
#[cfg(feature = "mesh")]
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
#[cfg(feature = "mesh")]
use rustls::time_provider::TimeProvider;

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> SystemTime;
}

/// The system's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The same clock in the form that rustls asks for.
#[cfg(feature = "mesh")]
#[derive(Debug, Clone)]
pub(crate) struct TlsTime(pub(crate) Arc<dyn Clock>);

#[cfg(feature = "mesh")]
impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

/// `time` in whole seconds, as X.509 counts it; a time before 1970 is taken as 1970.
pub(crate) fn unix_time(time: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
