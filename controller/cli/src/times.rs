//! Times as people read them. Pure.

use time::OffsetDateTime;

/// Seconds since the epoch as ISO 8601 in UTC.
#[must_use]
pub fn iso(seconds: i64) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(seconds) else { return format!("{seconds} s") };
    let (hour, minute, second) = date.to_hms();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A span of seconds by its two greatest units, such as `23h59m`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m{rest}s"),
        (0, _, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests;
