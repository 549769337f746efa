use super::{LEAST, MOST, ReadyPool};

#[test]
fn an_empty_pool_asks_once_and_for_more_when_it_ran_dry() {
    let mut pool = ReadyPool::default();
    assert_eq!(pool.take(), (None, Some(LEAST * 2)));
    assert_eq!(pool.take(), (None::<u32>, None), "a refill is under way");
    pool.put(0..8);
    let taken: Vec<_> = (0..8).map(|_| pool.take()).collect();
    assert!(taken.iter().all(|(thing, _)| thing.is_some()));
    assert_eq!(taken.iter().filter(|(_, refill)| refill.is_some()).count(), 1, "{taken:?}");
}

#[test]
fn a_failed_refill_is_asked_for_again() {
    let mut pool = ReadyPool::<u32>::default();
    pool.take();
    pool.put([]);
    assert!(pool.take().1.is_some());
}

#[test]
fn demand_makes_it_grow_to_its_bound_and_no_further() {
    let mut pool = ReadyPool::default();
    for _ in 0..100 {
        if let (_, Some(count)) = pool.take() {
            assert!(count <= MOST);
            pool.put(vec![(); count]);
            while pool.len() > 0 {
                pool.take();
            }
            pool.put([]);
        }
    }
    pool.put(vec![(); 10 * MOST]);
    assert_eq!(pool.len(), MOST);
}

#[test]
fn what_nobody_needs_goes_but_for_a_few() {
    let mut pool = ReadyPool::default();
    pool.take();
    pool.put(0..20);
    pool.trim();
    assert_eq!(pool.trim().len(), 20 - LEAST, "all were there all the time");
    assert_eq!((pool.trim().len(), pool.len()), (0, LEAST));
}

#[test]
fn what_is_in_use_stays() {
    let mut pool = ReadyPool::default();
    pool.take();
    pool.put(0..20);
    pool.trim();
    for _ in 0..7 {
        pool.take();
    }
    assert_eq!(pool.trim().len(), 20 - 7 - LEAST, "seven of twenty were needed");
}

#[test]
fn what_is_refilled_again_and_again_grows_though_it_never_runs_dry() {
    let mut pool = ReadyPool::default();
    let mut refills = Vec::new();
    for _ in 0..2000 {
        if let (_, Some(count)) = pool.take() {
            refills.push(count);
            pool.put(vec![(); count]);
        }
    }
    assert_eq!(pool.target, MOST);
    assert_eq!(refills.iter().rev().take(10).copied().collect::<Vec<_>>(), [MOST - MOST / 4; 10]);
    // At an ordinary pace the target stays.
    let mut pool = ReadyPool::default();
    pool.put(vec![(); LEAST]);
    for _ in 0..100 {
        if let (_, Some(count)) = pool.take() {
            pool.put(vec![(); count]);
        }
        pool.trim();
    }
    assert_eq!(pool.target, LEAST);
}
