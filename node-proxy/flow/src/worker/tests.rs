use super::*;
use crate::endpoint::{Direction, Endpoint};
use crate::series::Moved;

fn flow(workload: usize) -> Flow {
    let address = "10.0.0.1:1".parse().unwrap();
    let mut flow = Flow::unknown(Direction::Inbound, address, address);
    flow.source.endpoint =
        Arc::new(Endpoint { workload: Some(workload.to_string().into()), ..Endpoint::default() });
    flow
}

#[test]
fn equal_labels_share_a_series_and_the_name_of_a_pod_is_no_label() {
    let worker = Worker::new(Register::new(10), AccessLog::off());
    let now = Instant::now();
    let first = worker.series(&mut flow(1), now);
    let mut named = flow(1);
    named.source.name = Some("web-7d4b9".into());
    assert!(Rc::ptr_eq(&first, &worker.series(&mut named, now)));
    assert!(!Rc::ptr_eq(&first, &worker.series(&mut flow(2), now)));
}

#[test]
fn idle_label_sets_are_let_go_and_busy_ones_are_not() {
    let register = Register::new(10);
    let worker = Worker::new(Arc::clone(&register), AccessLog::off());
    let now = Instant::now();
    let busy = worker.series(&mut flow(1), now);
    drop(worker.series(&mut flow(2), now));
    drop(worker.series(&mut flow(3), now + IDLE));
    worker.retire_idle(now + IDLE);
    let expected: Vec<_> = [1, 3].map(|n| Labels::of(&flow(n))).into();
    let left: Vec<_> = register.totals().into_iter().map(|(labels, _)| labels).collect();
    assert_eq!(left, expected);
    drop(busy);
    // The next connection's lookup does the same.
    drop(worker.series(&mut flow(4), now + IDLE + IDLE));
    assert_eq!(register.totals().len(), 1);
}

#[test]
fn beyond_the_bound_all_share_one_series() {
    let register = Register::new(2);
    let worker = Worker::new(Arc::clone(&register), AccessLog::off());
    let now = Instant::now();
    for workload in 0..100 {
        let _living = worker.series(&mut flow(workload), now).begin(Box::new(Moved::default));
    }
    let mut opened: Vec<_> = register.totals().iter().map(|(_, totals)| totals.opened).collect();
    opened.sort_unstable();
    assert_eq!(opened, [1, 1, 98]);
    assert_eq!(worker.own.series.borrow().len(), 3);
}
