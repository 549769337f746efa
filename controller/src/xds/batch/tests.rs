use super::*;
use crate::catalog::ResourceType;

const LIMIT: usize = 10_000;

fn cut_sizes(removed: usize, sizes: &[usize]) -> Vec<(usize, usize)> {
    let entry = |(number, size): (usize, &usize)| {
        Arc::new(Entry::new(ResourceType::Namespace, number.to_string(), vec![0; *size]))
    };
    let changes = Changes {
        set: sizes.iter().enumerate().map(entry).collect(),
        removed: (0..removed).map(|number| number.to_string().into()).collect(),
    };
    cut(changes, LIMIT).iter().map(|batch| (batch.removed.len(), batch.set.len())).collect()
}

#[test]
fn batches_are_bounded_and_there_is_at_least_one() {
    assert_eq!(cut_sizes(0, &[]), [(0, 0)]);
    assert_eq!(cut_sizes(1, &[1, 1]), [(1, 2)]);
    let half = LIMIT / 2;
    assert_eq!(cut_sizes(0, &[half, half, 1]), [(0, 1), (0, 2)]);
    // One that is too big goes alone.
    assert_eq!(cut_sizes(0, &[1, 2 * LIMIT, 1]), [(0, 1), (0, 1), (0, 1)]);
    let many = cut_sizes(LIMIT, &[1]);
    assert_eq!(many.iter().map(|(removed, _)| removed).sum::<usize>(), LIMIT);
    assert!(many.len() > 10);
}
