use super::*;

#[test]
fn shares() {
    const STEPS: u64 = 1000;
    let random = |step: u64| (u64::MAX / STEPS) * step + u64::MAX / STEPS / 2;
    let fraction = |numerator, denominator| Share { numerator, denominator };
    let table = [
        (Share::ALL, 1000),
        (Share::percent(0), 0),
        (Share::percent(1), 10),
        (Share::percent(50), 500),
        (Share::percent(100), 1000),
        (fraction(1, 8), 125),
        (fraction(3, 2), 1000),
    ];
    for (share, expected) in table {
        let held = (0..STEPS).filter(|step| share.holds(random(*step))).count();
        assert_eq!(held, expected, "{share:?}");
    }
}
