//! Durations as people write them: `250ms`, `10s`, `24h`, `3650d`, `1h30m`.

use std::time::Duration;

use humantime::DurationError;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidDuration {
    /// The text is no list of numbers with units, or a number is too large.
    #[error("{0}: write numbers with units, such as 250ms, 10s or 1h30m")]
    Unreadable(#[from] DurationError),
    /// More than a program can wait.
    #[error("longer than 100 years")]
    TooLong,
}

const MAX: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Parses a duration as [`humantime`] does: one or more numbers, each with a unit. `0` needs no unit.
///
/// Fits `#[arg(value_parser = karez_process::duration::parse)]`.
///
/// # Errors
/// When the text is anything else, or longer than 100 years.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let duration = humantime::parse_duration(text)?;
    if duration > MAX { Err(InvalidDuration::TooLong) } else { Ok(duration) }
}

#[cfg(test)]
mod tests;
