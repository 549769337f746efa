use super::*;

#[test]
fn levels_are_read_when_settings_are() {
    for good in ["info", "warn,karez_link=debug", "off"] {
        assert!(LogLevel::from_str(good).is_ok(), "{good}");
    }
    for bad in ["karez=loud", "info,=="] {
        assert!(LogLevel::from_str(bad).is_err(), "{bad}");
    }
}
