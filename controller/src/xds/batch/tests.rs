use super::*;
use crate::catalog::ResourceType;

const LIMIT: usize = 10_000;

fn cut_sizes(removed: usize, sizes: &[usize]) -> Vec<(usize, usize, bool)> {
    let entry = |(number, size): (usize, &usize)| {
        Arc::new(Entry::new(ResourceType::Namespace, &number.to_string(), vec![0; *size]))
    };
    let changes = Changes {
        set: sizes.iter().enumerate().map(entry).collect(),
        removed: (0..removed).map(|number| number.to_string().into()).collect(),
    };
    cut(changes, LIMIT).iter().map(|batch| (batch.removed.len(), batch.set.len(), batch.last)).collect()
}

#[test]
fn batches_are_bounded_and_the_last_one_is_marked() {
    assert_eq!(cut_sizes(0, &[]), [(0, 0, true)]);
    assert_eq!(cut_sizes(1, &[1, 1]), [(1, 2, true)]);
    let half = LIMIT / 2;
    assert_eq!(cut_sizes(0, &[half, half, 1]), [(0, 1, false), (0, 2, true)]);
    // One that is too big goes alone.
    assert_eq!(cut_sizes(0, &[1, 2 * LIMIT, 1]), [(0, 1, false), (0, 1, false), (0, 1, true)]);
    let many = cut_sizes(LIMIT, &[1]);
    assert_eq!(many.iter().map(|(removed, _, _)| removed).sum::<usize>(), LIMIT);
    assert!(many.len() > 10);
}
