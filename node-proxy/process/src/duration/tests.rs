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
fn says_what_is_wrong() {
    let no_unit = |unit: &str| InvalidDuration::NoUnit { unit: unit.to_owned() };
    for (text, error) in [
        ("", InvalidDuration::NoNumber),
        ("s", InvalidDuration::NoNumber),
        ("-1s", InvalidDuration::NoNumber),
        ("10", no_unit("")),
        ("10 s", no_unit(" s")),
        ("10y", no_unit("y")),
        ("1.5s", no_unit(".")),
        ("40000d", InvalidDuration::TooLong),
        ("99999999999999999999s", InvalidDuration::TooLong),
        ("18446744073709551615d", InvalidDuration::TooLong),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn reads_every_number_of_seconds(seconds in 0_u64..3_000_000_000) {
        prop_assert_eq!(parse(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC*") {
        // Any answer will do; a panic fails the test.
        let _ = parse(&text);
    }
}
