//! Percentiles of round-trip times.

use serde::{Deserialize, Serialize};

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are faster.
    pub p50_us: f64,
    /// Nine of ten are faster.
    pub p90_us: f64,
    /// 99 of 100 are faster.
    pub p99_us: f64,
    /// 999 of 1000 are faster.
    pub p999_us: f64,
}

/// Percentiles of samples in nanoseconds, in any order; zeros when there is none.
#[must_use]
pub fn percentiles(mut samples: Vec<u64>) -> Percentiles {
    samples.sort_unstable();
    let at = |per_mille: usize| {
        let index = (samples.len() * per_mille / 1000).min(samples.len().saturating_sub(1));
        samples.get(index).map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1000.0)
    };
    Percentiles { p50_us: at(500), p90_us: at(900), p99_us: at(990), p999_us: at(999) }
}

#[cfg(test)]
mod tests;
