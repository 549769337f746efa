//! Durations as people write them: `250ms`, `10s`, `24h`, `3650d`, `1h30m`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// Nothing, or nothing but a unit.
    #[error("a number with a unit is expected, such as 10s, 24h or 1h30m")]
    NoNumber,
    /// A number without a unit, or with one that is none.
    #[error("{unit:?} is no unit of time: use ms, s, m, h or d, as in 10s")]
    NoUnit {
        /// What stood where a unit belongs.
        unit: String,
    },
    /// More than a program can wait.
    #[error("longer than 100 years")]
    TooLong,
}

const MOST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Reads a duration: one or more whole numbers, each with a unit (`ms`, `s`, `m`, `h`, `d`). `0` needs no unit.
///
/// Fits `#[arg(value_parser = karez_process::duration::parse)]`.
///
/// # Errors
/// When the text is anything else, or longer than 100 years.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    loop {
        let (term, after) = first_term(rest)?;
        total = total.checked_add(term).filter(|total| *total <= MOST).ok_or(InvalidDuration::TooLong)?;
        if after.is_empty() {
            return Ok(total);
        }
        rest = after;
    }
}

/// One number with its unit, and what follows.
fn first_term(text: &str) -> Result<(Duration, &str), InvalidDuration> {
    let (number, rest) = split_where(text, |c| !c.is_ascii_digit());
    let (unit, rest) = split_where(rest, |c| c.is_ascii_digit());
    if number.is_empty() {
        return Err(InvalidDuration::NoNumber);
    }
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        other => return Err(InvalidDuration::NoUnit { unit: other.chars().take(20).collect() }),
    };
    let number: u64 = number.parse().map_err(|_| InvalidDuration::TooLong)?;
    let milliseconds = number.checked_mul(milliseconds).ok_or(InvalidDuration::TooLong)?;
    Ok((Duration::from_millis(milliseconds), rest))
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
