use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fixture::service;

fn backend(name: &str, weight: u32) -> Backend {
    Backend { target: BackendTarget::Service(service(name)), weight, filters: Vec::new() }
}

fn invalid(weight: u32) -> Backend {
    Backend { target: BackendTarget::Invalid(InvalidBackend::BackendNotFound), ..backend("gone", weight) }
}

/// How often each backend is chosen over the whole range of `random`.
fn spread(backends: &[Backend]) -> BTreeMap<String, u64> {
    const STEPS: u64 = 1000;
    let random = |step: u64| (u64::MAX / STEPS) * step + u64::MAX / STEPS / 2;
    let mut counts = BTreeMap::new();
    for step in 0..STEPS {
        let name = match choose(backends, random(step)) {
            Ok(chosen) => chosen.service.hostname.to_string(),
            Err(reason) => reason.to_string(),
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn by_weight() {
    let spread = spread(&[backend("old", 900), backend("never", 0), backend("new", 100)]);
    assert_eq!(spread, expected([("old", 900), ("new", 100)]));
}

#[test]
fn an_invalid_backend_keeps_its_weight() {
    let answer = NoBackend::Invalid(InvalidBackend::BackendNotFound).to_string();
    assert_eq!(spread(&[backend("one", 1), invalid(1)]), expected([("one", 500), (&answer, 500)]));
    assert_eq!(spread(&[backend("one", 1), invalid(0)]), expected([("one", 1000)]));
}

#[test]
fn nowhere_to_go() {
    for backends in [vec![], vec![backend("one", 0)], vec![backend("one", 0), invalid(0)]] {
        assert_eq!(choose(&backends, 7), Err(NoBackend::NoWeight));
    }
}

proptest! {
    #[test]
    fn weight_zero_is_never_chosen(weights in proptest::collection::vec(0..3_u32, 0..16), random: u64) {
        let backends: Vec<_> = weights.iter().map(|weight| backend(&weight.to_string(), *weight)).collect();
        match choose(&backends, random) {
            Ok(chosen) => prop_assert_ne!(&*chosen.service.hostname, "0"),
            Err(_) => prop_assert!(weights.iter().all(|weight| *weight == 0)),
        }
    }
}
