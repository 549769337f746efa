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
fn before_the_epoch_is_the_epoch() {
    assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
}
