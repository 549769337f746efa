use std::net::Ipv4Addr;

use super::*;

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

#[test]
fn an_address_waits_with_so_many_and_leaves_the_others_room() {
    let limiter = ReviewLimiter::new();
    let mut permits: Vec<_> = (0..WAITING_EACH).map(|_| limiter.wait(ONE).unwrap()).collect();
    assert!(limiter.wait(ONE).is_none());
    assert!(limiter.wait(OTHER).is_some());
    permits.pop();
    assert!(limiter.wait(ONE).is_some());
}

#[test]
fn an_address_whose_tokens_are_refused_has_few_reviews() {
    let limiter = ReviewLimiter::new();
    let (permit, now) = (limiter.wait(ONE).unwrap(), Instant::now());
    assert_eq!((0..1000).filter(|_| permit.take_review(now)).count(), BURST as usize);
    assert!(limiter.wait(OTHER).unwrap().take_review(now));
    assert!(permit.take_review(now + INTERVAL) && !permit.take_review(now + INTERVAL));
}

#[test]
fn reviews_of_known_callers_cost_an_address_nothing() {
    let limiter = ReviewLimiter::new();
    let (permit, now) = (limiter.wait(ONE).unwrap(), Instant::now());
    for _ in 0..1000 {
        assert!(permit.take_review(now));
        permit.give_back();
    }
}
