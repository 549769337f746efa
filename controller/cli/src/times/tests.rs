use super::*;

#[test]
fn times_and_spans_are_readable() {
    assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(1_800_000_061), "2027-01-15T08:01:01Z");
    assert_eq!(rfc3339(i64::MAX), format!("{} s", i64::MAX));
    let spans = [
        (0, "0s"),
        (59, "59s"),
        (60, "1m0s"),
        (3599, "59m59s"),
        (3600, "1h0m"),
        (86_399, "23h59m"),
        (90_000, "1d1h"),
    ];
    for (seconds, expected) in spans {
        assert_eq!(span(seconds), expected);
    }
}
