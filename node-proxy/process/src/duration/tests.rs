use super::*;
use proptest::prelude::*;

#[test]
fn reads_what_people_write() {
    for (text, seconds) in [
        ("0", 0.0),
        ("250ms", 0.25),
        ("10s", 10.0),
        ("5m", 300.0),
        ("24h", 86_400.0),
        ("3650d", 315_360_000.0),
        ("1h30m", 5400.0),
        ("1s500ms", 1.5),
    ] {
        assert_eq!(parse(text).map(|d| d.as_secs_f64()), Ok(seconds), "{text}");
    }
}

#[test]
fn refuses_what_is_no_duration() {
    for text in
        ["", "s", "-1s", "10", "10 parsecs", "1h,30m", "99999999999999999999s", "18446744073709551615d"]
    {
        let error = parse(text).unwrap_err();
        assert!(matches!(error, InvalidDuration::Unreadable(_)), "{text}: {error}");
        assert!(error.to_string().contains("such as 250ms, 10s or 1h30m"), "{text}: {error}");
    }
}

#[test]
fn refuses_more_than_a_century() {
    assert_eq!(parse("40000d"), Err(InvalidDuration::TooLong));
}

proptest! {
    #[test]
    fn reads_every_number_of_seconds(seconds in 0_u64..3_000_000_000) {
        prop_assert_eq!(parse(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC*") {
        // Any result is fine; a panic fails the test.
        let _ = parse(&text);
    }
}
