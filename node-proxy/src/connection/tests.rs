mod one_worker;

use super::carry::carry;

fn size_of_output<A, B, C, F>(_function: fn(A, B, C) -> F) -> usize {
    size_of::<F>()
}

/// Every connection holds one future for its whole life, idle or not.
#[test]
fn what_an_idle_connection_holds_is_small() {
    let size = size_of_output(carry);
    assert!(size <= 960, "{size} bytes");
}
