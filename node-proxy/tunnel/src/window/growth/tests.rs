use super::*;

const WINDOW: u32 = 1_000;
const LIMIT: u32 = 3_000;

fn measured(growth: &Growth, now: Instant, bytes: usize) -> Option<u32> {
    growth.begin(now);
    growth.received(&mut RoundShare::default(), bytes);
    growth.end(true)
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
    assert!(!growth.wants_measurement(now + INTERVAL), "it cannot grow further");
}

#[tokio::test(start_paused = true)]
async fn it_is_the_busiest_stream_that_counts_and_not_the_sum() {
    let growth = Growth::new(WINDOW, LIMIT);
    let mut shares: Vec<RoundShare> = (0..10).map(|_| RoundShare::default()).collect();
    growth.begin(Instant::now());
    for share in &mut shares {
        growth.received(share, 499);
    }
    assert_eq!(growth.end(true), None);
    // What was received in an earlier round does not count.
    growth.begin(Instant::now());
    growth.received(&mut shares[0], 499);
    assert_eq!(growth.end(true), None);
    growth.begin(Instant::now());
    growth.received(&mut shares[0], 250);
    growth.received(&mut shares[0], 250);
    assert_eq!(growth.end(true), Some(2_000));
}

#[tokio::test(start_paused = true)]
async fn it_is_measured_when_there_is_much_and_not_too_often() {
    let growth = Growth::new(WINDOW, LIMIT);
    let now = Instant::now();
    let mut share = RoundShare::default();
    assert!(!growth.wants_measurement(now));
    growth.received(&mut share, 500);
    assert!(growth.wants_measurement(now));
    growth.begin(now);
    growth.received(&mut share, 500);
    assert!(!growth.wants_measurement(now + INTERVAL), "one at a time");
    assert_eq!(growth.end(false), None, "there is no room to grow");
    growth.received(&mut share, 500);
    assert!(!growth.wants_measurement(now));
    assert!(growth.wants_measurement(now + INTERVAL));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_for_someone_else_changes_nothing() {
    let growth = Growth::new(WINDOW, LIMIT);
    growth.received(&mut RoundShare::default(), 1_000);
    assert_eq!(growth.end(true), None);
    assert!(growth.wants_measurement(Instant::now()));
}
