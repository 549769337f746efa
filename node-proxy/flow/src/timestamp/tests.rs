use std::time::Duration;

use super::*;

#[test]
fn known_moments() {
    for (seconds, microseconds, text) in [
        (0, 0, "1970-01-01T00:00:00.000000Z"),
        (951_782_399, 999_999, "2000-02-28T23:59:59.999999Z"),
        (951_782_400, 0, "2000-02-29T00:00:00.000000Z"),
        (1_709_251_199, 5, "2024-02-29T23:59:59.000005Z"),
        (1_735_689_599, 0, "2024-12-31T23:59:59.000000Z"),
        (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
    ] {
        let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(microseconds);
        assert_eq!(rfc3339(time), text);
    }
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    let mut expected = (1970, 1, 1);
    for days in 0..146_097 {
        assert_eq!(civil_date(days), expected);
        expected = tomorrow(expected);
    }
}

fn tomorrow((year, month, day): (u64, u64, u64)) -> (u64, u64, u64) {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match (month, day) {
        (_, day) if day < length => (year, month, day + 1),
        (12, _) => (year + 1, 1, 1),
        (month, _) => (year, month + 1, 1),
    }
}

#[test]
fn before_the_epoch_is_the_epoch() {
    assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
}
