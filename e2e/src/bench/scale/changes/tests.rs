use std::time::Duration;

use super::{Pushes, count, spread};

#[test]
fn ten_changes_a_second_are_spread_over_the_mesh() {
    assert_eq!(count(10), 100);
    let pods = spread(1000, 100);
    assert_eq!(pods.len(), 100);
    assert_eq!((pods.first(), pods.last()), (Some(&0), Some(&990)));
    assert_eq!(spread(10, 100).len(), 10);
}

#[test]
fn the_last_proxy_counts_by_itself() {
    let times = |millis: [u64; 2]| millis.map(Duration::from_millis).to_vec();
    let pushes = Pushes::of(&[times([1, 9]), times([1, 5])]);
    assert_eq!((pushes.each.p50_us, pushes.last.p50_us), (5000.0, 9000.0));
}
