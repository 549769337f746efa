use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::endpoint::{Direction, Endpoint, Flow};

fn labels(workload: &str) -> Labels {
    let address = "10.0.0.1:1".parse().unwrap();
    let mut flow = Flow::unknown(Direction::Outbound, address, address);
    flow.destination.endpoint = Arc::new(Endpoint { workload: Some(workload.into()), ..Endpoint::default() });
    Labels::of(&flow)
}

/// A connection that moves nothing.
fn still() -> Progress {
    Box::new(Moved::default)
}

fn opened(register: &Register) -> Vec<u64> {
    register.totals().iter().map(|(_, totals)| totals.opened).collect()
}

#[test]
fn workers_are_summed_and_a_sum_never_falls_while_one_still_counts() {
    let register = Register::new(10);
    let one = register.series(&labels("a")).unwrap();
    let other = register.series(&labels("a")).unwrap();
    one.end(one.begin(still()), Some("DENY"));
    other.end(other.begin(still()), Some("DENY"));
    other.end(other.begin(Box::new(|| Moved { sent: 5, received: 7 })), Some("CONNECT"));
    let total = &register.totals()[0].1;
    assert_eq!((total.opened, total.closed), (3, 3));
    assert_eq!(total.moved, Moved { sent: 5, received: 7 });
    assert_eq!(total.failed, BTreeMap::from([("CONNECT", 1), ("DENY", 2)]));
    drop(other);
    assert_eq!(&register.totals()[0].1, total);
    drop(one);
    assert!(register.totals().is_empty());
}

#[test]
fn bytes_count_while_the_connection_lives_and_once() {
    let register = Register::new(10);
    let series = register.series(&labels("a")).unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&sent);
    let living = series.begin(Box::new(move || Moved { sent: read.load(Ordering::Relaxed), received: 1 }));
    for bytes in [0, 10, 4096] {
        sent.store(bytes, Ordering::Relaxed);
        assert_eq!(register.totals()[0].1.moved, Moved { sent: bytes, received: 1 });
    }
    assert_eq!(series.end(living, None), Moved { sent: 4096, received: 1 });
    assert_eq!(register.totals()[0].1.moved, Moved { sent: 4096, received: 1 });
    // Nothing else keeps the connection.
    assert_eq!(Arc::strong_count(&sent), 1);
}

#[test]
fn label_sets_are_bounded_but_those_without_peers() {
    let register = Register::new(2);
    let held: Vec<_> = ["a", "b"].map(|name| register.series(&labels(name)).unwrap()).into();
    assert!(register.series(&labels("c")).is_none());
    assert!(register.series(&labels("a")).is_some());
    let rest = register.series_without_peers(&labels("c"));
    rest.begin(still());
    assert_eq!(opened(&register), [1, 0, 0]);
    drop(held);
    assert!(register.series(&labels("c")).is_some());
}

proptest! {
    /// However workers come and go, the sum is exact since the label set was last forgotten.
    #[test]
    fn sums_are_exact(steps in proptest::collection::vec((0_usize..4, 0_u64..3), 0..60)) {
        let register = Register::new(10);
        let mut workers: [Option<Series>; 4] = Default::default();
        let mut expected = 0;
        for (worker, opens) in steps {
            if opens == 0 {
                workers[worker] = None;
                if workers.iter().all(Option::is_none) {
                    expected = 0;
                }
                continue;
            }
            let series = workers[worker].get_or_insert_with(|| register.series(&labels("a")).unwrap());
            for _ in 0..opens {
                series.begin(still());
                expected += 1;
            }
            prop_assert_eq!(opened(&register), [expected]);
        }
    }
}
