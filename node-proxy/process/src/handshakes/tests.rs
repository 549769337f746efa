use std::task::Waker;

use super::*;

const FLOOD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const HONEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

fn is_displaced(permit: &mut HandshakePermit) -> bool {
    Pin::new(permit).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn a_flood_displaces_itself_and_an_honest_client_stays() {
    let limiter = HandshakeLimiter::new(9);
    let mut honest = limiter.admit(HONEST).unwrap();
    let mut flood: Vec<_> = (0..7).map(|_| limiter.admit(FLOOD).unwrap()).collect();
    assert_eq!(limiter.unproven(), 8);
    for _ in 0..100 {
        flood.push(limiter.admit(FLOOD).unwrap());
        assert!(is_displaced(&mut flood[0]) && is_displaced(&mut flood[0]), "and it stays so");
        assert!(!is_displaced(&mut flood[1]) && !is_displaced(&mut honest));
        flood.remove(0);
    }
    let mut second = limiter.admit(HONEST).unwrap();
    assert!(!is_displaced(&mut second) && is_displaced(&mut flood[0]));
}

#[test]
fn clients_that_gave_way_hold_no_more_than_their_ninth() {
    let limiter = HandshakeLimiter::new(18);
    let held: Vec<_> = std::iter::from_fn(|| limiter.admit(FLOOD)).collect();
    assert_eq!((held.len(), limiter.unproven()), (18, 16));
    assert!(limiter.admit(HONEST).is_none());
    // The oldest gave way.
    drop(held);
    assert_eq!((limiter.unproven(), limiter.lock().leaving), (0, 0));
    assert!(limiter.lock().displace.is_empty());
    assert!(limiter.admit(HONEST).is_some());
}

#[test]
fn a_place_that_is_left_is_free() {
    let limiter = HandshakeLimiter::new(1);
    for _ in 0..3 {
        let mut only = limiter.admit(HONEST).unwrap();
        assert!(!is_displaced(&mut only));
    }
}
