//! Waiting for a condition, with a bound.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks `condition` again and again until it gives a value.
///
/// # Errors
/// After `limit`, naming what was waited for and the last reason that the condition gave.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match condition() {
            Ok(value) => return Ok(value),
            Err(reason) if started.elapsed() >= limit => {
                bail!("waited {} s for {what}: {reason:#}", limit.as_secs_f32())
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
