use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

/// A random number that changes nothing.
const MIDDLE: u64 = (u32::MAX as u64 / 2) << 32;

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_secs_f64(seconds)
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn assert_close(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 0.01 * wanted.max(0.1), "{what}: {found} for {wanted}");
}

/// How far away the next attempt is.
fn due_in(schedule: &Schedule, now: SystemTime) -> f64 {
    seconds(schedule.due.duration_since(now).unwrap_or_default())
}

#[test]
fn the_first_is_due_at_once() {
    let schedule = Schedule::new(at(0.0));
    assert!(schedule.is_due(at(0.0)));
    assert_eq!(schedule.sleep(at(0.0), false), Duration::ZERO);
}

#[test]
fn renewal_is_due_at_half_of_what_is_left() {
    for (life, wanted) in [(86_400.0, 43_200.0), (10.0, 5.0), (1.0, 0.5), (0.1, 0.5)] {
        let mut schedule = Schedule::new(at(0.0));
        schedule.issued(at(3.0), at(3.0 + life), MIDDLE);
        assert_close(due_in(&schedule, at(3.0)), wanted, &format!("life of {life} s"));
        assert!(!schedule.is_due(at(3.0)));
    }
}

#[test]
fn failures_back_off_by_how_urgent_it_is() {
    // Life of what is held, seconds after it came, failures in a row, wanted delay.
    let cases = [
        (None, 0.0, 1, 0.1),
        (None, 0.0, 4, 0.8),
        (None, 0.0, 40, 15.0),
        (Some(86_400.0), 43_200.0, 1, 0.5),
        (Some(86_400.0), 43_200.0, 3, 2.0),
        (Some(86_400.0), 43_200.0, 40, 150.0),
        (Some(40.0), 20.0, 40, 5.0),
        (Some(2.0), 1.0, 40, 0.5),
        // Not later than it expires.
        (Some(86_400.0), 86_300.0, 40, 100.0),
        // Expired: as urgent as none at all.
        (Some(40.0), 41.0, 1, 0.1),
        (Some(40.0), 41.0, 40, 15.0),
    ];
    for (life, elapsed, failures, wanted) in cases {
        let mut schedule = Schedule::new(at(0.0));
        if let Some(life) = life {
            schedule.issued(at(0.0), at(life), MIDDLE);
        }
        for _ in 0..failures {
            schedule.failed(at(elapsed), MIDDLE);
        }
        assert_close(due_in(&schedule, at(elapsed)), wanted, &format!("{life:?} {failures}"));
    }
}

#[test]
fn success_forgets_failures() {
    let mut schedule = Schedule::new(at(0.0));
    for _ in 0..10 {
        schedule.failed(at(0.0), MIDDLE);
    }
    schedule.issued(at(1.0), at(1001.0), MIDDLE);
    schedule.failed(at(501.0), MIDDLE);
    assert_close(due_in(&schedule, at(501.0)), 0.5, "first failure again");
}

#[test]
fn a_void_certificate_is_replaced_at_once() {
    let mut schedule = Schedule::new(at(0.0));
    schedule.issued(at(0.0), at(86_400.0), MIDDLE);
    schedule.void(at(10.0));
    assert!(schedule.is_due(at(10.0)));
    schedule.failed(at(10.0), MIDDLE);
    assert_close(due_in(&schedule, at(10.0)), 0.1, "urgent");
}

#[test]
fn sleeps_end_at_the_next_event() {
    let mut schedule = Schedule::new(at(0.0));
    schedule.issued(at(0.0), at(40.0), MIDDLE);
    let cases = [
        (0.0, false, 20.0),
        (19.0, false, 1.0),
        // While asking, only the expiry is left to happen.
        (20.0, true, 20.001),
        (39.999, true, 0.002),
        (40.5, true, 60.0),
    ];
    for (now, asking, wanted) in cases {
        assert_close(seconds(schedule.sleep(at(now), asking)), wanted, &format!("at {now}"));
    }
    schedule.issued(at(0.0), at(86_400.0), MIDDLE);
    assert_eq!(schedule.sleep(at(0.0), false), LONGEST_SLEEP, "a step of the clock must be noticed");
}

proptest! {
    #[test]
    fn renewal_leaves_time_before_expiry(life in 2.0..1e7, random: u64) {
        let mut schedule = Schedule::new(at(0.0));
        schedule.issued(at(0.0), at(life), random);
        let due = due_in(&schedule, at(0.0)) / life;
        prop_assert!((0.449..0.551).contains(&due), "{due}");
    }

    #[test]
    fn several_attempts_fit_before_expiry(life in 8.0..1e7, random: u64) {
        let mut schedule = Schedule::new(at(0.0));
        schedule.issued(at(0.0), at(life), random);
        let mut now = schedule.due;
        let mut attempts = 0;
        while now <= at(life) {
            attempts += 1;
            schedule.failed(now, random);
            prop_assert!(schedule.due > now);
            now = schedule.due;
        }
        prop_assert!(attempts >= 3, "{attempts}");
    }

    #[test]
    fn a_sleep_never_overshoots(life in 0.0..1e6, now in 0.0..2e6, asking: bool, random: u64) {
        let mut schedule = Schedule::new(at(0.0));
        schedule.issued(at(0.0), at(life), random);
        let sleep = seconds(schedule.sleep(at(now), asking));
        prop_assert!(sleep <= seconds(LONGEST_SLEEP));
        if !asking {
            prop_assert!(sleep <= due_in(&schedule, at(now)));
        }
        if now <= life {
            prop_assert!(sleep <= life - now + 0.002);
        }
    }
}
