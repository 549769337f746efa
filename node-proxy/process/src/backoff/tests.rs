use super::*;
use proptest::prelude::*;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(15));

#[test]
fn doubles_from_the_first_to_the_most() {
    let middle = u64::MAX / 2;
    for (attempt, milliseconds) in [(0, 10.0), (1, 20.0), (5, 320.0), (11, 15_000.0), (u32::MAX, 15_000.0)] {
        let delay = BACKOFF.delay(attempt, middle).as_secs_f64() * 1000.0;
        assert!((delay - milliseconds).abs() < 0.001, "attempt {attempt}: {delay} ms");
    }
}

proptest! {
    #[test]
    fn stays_within_its_bounds(attempt: u32, random: u64) {
        let delay = BACKOFF.delay(attempt, random);
        prop_assert!(delay >= Duration::from_millis(8));
        prop_assert!(delay <= Duration::from_secs(15));
    }

    #[test]
    fn spreads_by_a_fifth(attempt in 0_u32..10, random: u64) {
        let middle = 10.0 * f64::from(2_u32.pow(attempt));
        let delay = BACKOFF.delay(attempt, random).as_secs_f64() * 1000.0;
        prop_assert!(delay >= middle * 0.799 && delay <= middle * 1.201, "{delay} around {middle}");
    }
}
