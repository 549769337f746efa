use RootPhase::{Announced, Retiring, Signing};

use super::*;

fn roots(phases: &[(&str, RootPhase)]) -> Vec<RootStatus> {
    let root = |(fingerprint, phase): &(&str, RootPhase)| RootStatus {
        fingerprint: (*fingerprint).to_owned(),
        phase: (*phase).into(),
        ..Default::default()
    };
    phases.iter().map(root).collect()
}

#[test]
fn a_step_is_reached_by_the_root_that_was_announced() {
    let announced = roots(&[("old", Signing), ("new", Announced)]);
    let signing = roots(&[("new", Signing), ("old", Retiring)]);
    let dropped = roots(&[("new", Signing)]);
    let reached = |roots: &[RootStatus]| {
        [WaitFor::Signing, WaitFor::Dropped].map(|step| is_reached(roots, Some("new"), step))
    };
    assert_eq!(reached(&announced), [false, false]);
    assert_eq!(reached(&signing), [true, false]);
    assert_eq!(reached(&dropped), [true, true]);
    assert!(!is_reached(&dropped, Some("another"), WaitFor::Signing));
}

#[test]
fn the_new_root_is_found_even_when_it_signs_at_once() {
    let before = roots(&[("old", Signing)]);
    assert_eq!(new_root(&before, &roots(&[("old", Signing), ("new", Announced)])), Some("new"));
    assert_eq!(new_root(&before, &roots(&[("new", Signing), ("old", Retiring)])), Some("new"));
    // A rotation that had begun already is taken up.
    let begun = roots(&[("old", Signing), ("new", Announced)]);
    assert_eq!(new_root(&begun, &begun), Some("new"));
    // So is one that was forced.
    assert_eq!(new_root(&begun, &roots(&[("new", Signing), ("old", Retiring)])), Some("new"));
}
