use super::percentiles;

#[test]
fn percentiles_of_a_known_distribution() {
    let found = percentiles((1..=1000).rev().map(|micros| micros * 1000).collect());
    assert_eq!((found.p50_us, found.p90_us, found.p99_us, found.p999_us), (501.0, 901.0, 991.0, 1000.0));
}

#[test]
fn no_samples_are_zeros() {
    assert_eq!(percentiles(Vec::new()).p99_us, 0.0);
}
