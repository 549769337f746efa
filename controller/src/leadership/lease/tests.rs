use std::sync::Arc;

use super::*;

fn lease(holder: Option<&str>, seconds: Option<i32>) -> Lease {
    let holder_identity = holder.map(str::to_owned);
    let spec = LeaseSpec { holder_identity, lease_duration_seconds: seconds, ..LeaseSpec::default() };
    Lease { spec: Some(spec), ..Lease::default() }
}

#[test]
fn a_lease_is_taken_when_it_is_nobodys_or_was_not_renewed_for_its_duration() {
    let second = Duration::from_secs(1);
    let table = [
        (None, None, Duration::ZERO, Move::Take),
        (Some(""), Some(15), Duration::ZERO, Move::Take),
        (Some("me"), Some(15), 99 * second, Move::Renew),
        (Some("other"), Some(15), 14 * second, Move::Wait),
        (Some("other"), Some(15), 15 * second, Move::Take),
        (Some("other"), Some(60), 15 * second, Move::Wait),
        (Some("other"), None, 15 * second, Move::Take),
    ];
    for (holder, seconds, unchanged, expected) in table {
        let found = next_move(&lease(holder, seconds), "me", unchanged);
        assert_eq!(found, expected, "{holder:?} {seconds:?} {unchanged:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_term_that_is_not_renewed_ends_by_itself() {
    let (term, reader) = watch::channel(None);
    let mut leadership = Leadership::of_replica("me", reader, watch::channel(Arc::default()).1);
    assert!(!leadership.is_leading());
    term.send_replace(Some(Instant::now() + TERM));
    leadership.leads().await;
    assert!(leadership.is_leading());
    tokio::time::advance(TERM).await;
    assert!(!leadership.is_leading());
}
