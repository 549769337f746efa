//! Random numbers within a range.

/// Scales `random`, uniform over all of `u64`, to be uniform below `total`.
pub(crate) fn below(random: u64, total: u64) -> u64 {
    let product = u128::from(random) * u128::from(total);
    // The upper half of a product of two u64 fits in a u64.
    u64::try_from(product >> 64).unwrap_or(0)
}
