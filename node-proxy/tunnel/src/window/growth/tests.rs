use super::*;

const WINDOW: u32 = 1_000;
const LIMIT: u32 = 3_000;

const PLENTY: u32 = u32::MAX;

/// The window to announce after a round trip in which a stream received `bytes`.
fn measured(growth: &Growth, now: Instant, bytes: usize) -> Option<u32> {
    growth.begin(now);
    growth.received(&mut RoundShare::default(), bytes);
    ended(growth, PLENTY)
}

fn ended(growth: &Growth, bound: u32) -> Option<u32> {
    growth.end(bound);
    told(growth)
}

fn told(growth: &Growth) -> Option<u32> {
    growth.unannounced().inspect(|window| growth.announce(*window))
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_that_fills_half_a_window_doubles_it() {
    let growth = Growth::new(WINDOW, LIMIT);
    let now = Instant::now();
    assert_eq!(measured(&growth, now, 499), None);
    assert_eq!(measured(&growth, now, 500), Some(2_000));
    assert_eq!(measured(&growth, now, 500), None, "of the new window");
    assert_eq!(measured(&growth, now, 1_000), Some(LIMIT));
    let mut share = RoundShare::default();
    growth.received(&mut share, 1_000_000);
    assert!(!growth.wants_measurement(now + INTERVAL, PLENTY), "it cannot grow further");
}

#[tokio::test(start_paused = true)]
async fn it_is_the_busiest_stream_that_counts_and_not_the_sum() {
    let growth = Growth::new(WINDOW, LIMIT);
    let mut shares: Vec<RoundShare> = (0..10).map(|_| RoundShare::default()).collect();
    growth.begin(Instant::now());
    for share in &mut shares {
        growth.received(share, 499);
    }
    assert_eq!(ended(&growth, PLENTY), None);
    // Bytes of an earlier round do not count.
    growth.begin(Instant::now());
    growth.received(&mut shares[0], 499);
    assert_eq!(ended(&growth, PLENTY), None);
    growth.begin(Instant::now());
    growth.received(&mut shares[0], 250);
    growth.received(&mut shares[0], 250);
    assert_eq!(ended(&growth, PLENTY), Some(2_000));
}

#[tokio::test(start_paused = true)]
async fn it_is_measured_when_there_is_much_and_not_too_often() {
    let growth = Growth::new(WINDOW, LIMIT);
    let now = Instant::now();
    let mut share = RoundShare::default();
    assert!(!growth.wants_measurement(now, PLENTY));
    growth.received(&mut share, 500);
    assert!(growth.wants_measurement(now, PLENTY));
    growth.begin(now);
    growth.received(&mut share, 500);
    assert!(!growth.wants_measurement(now + INTERVAL, PLENTY), "one at a time");
    assert_eq!(ended(&growth, 2 * WINDOW - 1), None, "there is no room to grow");
    growth.received(&mut share, 500);
    assert!(!growth.wants_measurement(now, PLENTY));
    assert!(growth.wants_measurement(now + INTERVAL, PLENTY));
    assert!(!growth.wants_measurement(now + INTERVAL, 2 * WINDOW - 1), "it would come to nothing");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_for_someone_else_changes_nothing() {
    let growth = Growth::new(WINDOW, LIMIT);
    growth.received(&mut RoundShare::default(), 1_000);
    assert_eq!(ended(&growth, PLENTY), None);
    assert!(growth.wants_measurement(Instant::now(), PLENTY));
}

#[tokio::test(start_paused = true)]
async fn windows_halve_until_they_are_within_the_bound_but_not_below_the_first() {
    let growth = Growth::new(WINDOW, LIMIT);
    let now = Instant::now();
    measured(&growth, now, 500);
    measured(&growth, now, 1_000);
    for (bound, window) in
        [(LIMIT, None), (LIMIT - 1, Some(1_500)), (1_500, None), (10, Some(WINDOW)), (0, None)]
    {
        growth.shrink(bound);
        assert_eq!(told(&growth), window, "within {bound}");
    }
    assert_eq!(measured(&growth, now, 500), Some(2_000), "and may grow again");
}

#[tokio::test(start_paused = true)]
async fn what_a_larger_window_let_through_does_not_make_a_smaller_one_grow() {
    let growth = Growth::new(WINDOW, LIMIT);
    measured(&growth, Instant::now(), 500);
    growth.begin(Instant::now());
    growth.received(&mut RoundShare::default(), 2_000);
    growth.shrink(WINDOW);
    assert_eq!(ended(&growth, PLENTY), Some(WINDOW));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_could_not_be_told_is_told_later() {
    let growth = Growth::new(WINDOW, LIMIT);
    growth.begin(Instant::now());
    growth.received(&mut RoundShare::default(), 500);
    growth.end(PLENTY);
    assert_eq!(growth.unannounced(), Some(2_000));
    growth.shrink(WINDOW);
    assert_eq!(growth.unannounced(), None, "the peer knows no other");
}
