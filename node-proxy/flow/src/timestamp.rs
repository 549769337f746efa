//! RFC 3339 timestamps, in UTC with microseconds: `2026-11-24T08:03:00.000123Z`.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// The text of `time`. Times before 1970 read as its start.
#[must_use]
pub(crate) fn rfc3339(time: SystemTime) -> String {
    // `OffsetDateTime::from(time)` would panic beyond the year 9999.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = i128::try_from(since.as_nanos()).unwrap_or(i128::MAX);
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second, microsecond) = date.to_hms_micro();
    // The crate's `Rfc3339` omits trailing zeros; a log's times need one width.
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{microsecond:06}Z")
}

#[cfg(test)]
mod tests;
