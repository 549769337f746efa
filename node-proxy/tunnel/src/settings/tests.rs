use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_connection_window_covers_every_stream_and_one_more(streams in 1_u32..2_000, wanted in 1_u32..=u32::MAX) {
        let settings = Http2 { streams, stream_window_limit: wanted, ..Http2::client() };
        let window = settings.clamp_stream_window(u32::MAX);
        prop_assert!(window <= wanted);
        prop_assert!(u64::from(settings.connection_window()) >= (u64::from(streams) + 1) * u64::from(window));
    }
}

#[test]
fn defaults_are_within_what_http2_allows() {
    for settings in [Http2::client(), Http2::server()] {
        assert_eq!(settings.clamp_stream_window(settings.stream_window), settings.stream_window);
        assert_eq!(settings.clamp_stream_window(u32::MAX), settings.stream_window_limit);
        assert!((16 * KIB..16 * MIB).contains(&settings.frame));
    }
}
