use super::*;

#[test]
fn failures_are_tried_again_ever_later_and_counted_by_reason() {
    let mut attempts = Attempts::default();
    let begin = Instant::now();
    assert!(attempts.is_due("a", begin) && attempts.next_due(|_| true).is_none());
    let mut now = begin;
    let mut delays = Vec::new();
    for attempt in 1..=10 {
        assert_eq!(attempts.fail("a", "no sandbox".to_owned(), now, u64::MAX / 2), attempt);
        let due = attempts.next_due(|_| true).unwrap();
        assert!(!attempts.is_due("a", now) && attempts.is_due("a", due));
        delays.push(due - now);
        now = due;
    }
    assert!(
        delays.is_sorted() && delays[0] < Duration::from_millis(150) && delays[9] <= Duration::from_secs(5)
    );
    assert_eq!(attempts.next_due(|_| false), None);
    assert_eq!(attempts.fail("a", "another reason".to_owned(), now, 0), 1);
    attempts.succeed("a");
    assert!(attempts.is_due("a", now));
}

#[test]
fn a_pod_that_is_not_wanted_any_more_is_forgotten() {
    let mut attempts = Attempts::default();
    let now = Instant::now();
    for uid in ["a", "b"] {
        attempts.fail(uid, String::new(), now, 0);
    }
    attempts.retain(|uid| uid == "b");
    assert!(attempts.is_due("a", now) && !attempts.is_due("b", now));
}
