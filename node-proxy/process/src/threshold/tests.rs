use std::task::Waker;

use super::*;

fn is_displaced(stranger: &mut Stranger) -> bool {
    Pin::new(stranger).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn the_one_that_has_stood_longest_gives_way() {
    let threshold = Threshold::new(2);
    let (mut first, mut second) = (threshold.enter(), threshold.enter());
    assert!(!is_displaced(&mut first));
    let mut third = threshold.enter();
    assert!(is_displaced(&mut first) && is_displaced(&mut first), "and it stays so");
    assert!(!is_displaced(&mut second));
    // It has left its place already.
    drop(first);
    let mut fourth = threshold.enter();
    assert!(is_displaced(&mut second) && !is_displaced(&mut third) && !is_displaced(&mut fourth));
}

#[test]
fn a_place_that_is_left_is_free() {
    let threshold = Threshold::new(1);
    for _ in 0..3 {
        let mut only = threshold.enter();
        assert!(!is_displaced(&mut only));
    }
    assert!(threshold.lock().standing.is_empty());
}
