use super::{LEAST, MOST, Shelf};

#[test]
fn an_empty_shelf_asks_once_and_for_more_when_it_ran_dry() {
    let mut shelf = Shelf::default();
    assert_eq!(shelf.take(), (None, Some(LEAST * 2)));
    assert_eq!(shelf.take(), (None::<u32>, None), "a refill is under way");
    shelf.put(0..8);
    let taken: Vec<_> = (0..8).map(|_| shelf.take()).collect();
    assert!(taken.iter().all(|(thing, _)| thing.is_some()));
    assert_eq!(taken.iter().filter(|(_, refill)| refill.is_some()).count(), 1, "{taken:?}");
}

#[test]
fn a_failed_refill_is_asked_for_again() {
    let mut shelf = Shelf::<u32>::default();
    shelf.take();
    shelf.put([]);
    assert!(shelf.take().1.is_some());
}

#[test]
fn demand_makes_it_grow_to_its_bound_and_no_further() {
    let mut shelf = Shelf::default();
    for _ in 0..100 {
        if let (_, Some(count)) = shelf.take() {
            assert!(count <= MOST);
            shelf.put(vec![(); count]);
            while shelf.len() > 0 {
                shelf.take();
            }
            shelf.put([]);
        }
    }
    shelf.put(vec![(); 10 * MOST]);
    assert_eq!(shelf.len(), MOST);
}

#[test]
fn what_nobody_needs_goes_but_for_a_few() {
    let mut shelf = Shelf::default();
    shelf.take();
    shelf.put(0..20);
    shelf.trim();
    assert_eq!(shelf.trim().len(), 20 - LEAST, "all were there all the time");
    assert_eq!((shelf.trim().len(), shelf.len()), (0, LEAST));
}

#[test]
fn what_is_in_use_stays() {
    let mut shelf = Shelf::default();
    shelf.take();
    shelf.put(0..20);
    shelf.trim();
    for _ in 0..7 {
        shelf.take();
    }
    assert_eq!(shelf.trim().len(), 20 - 7 - LEAST, "seven of twenty were needed");
}

#[test]
fn what_is_refilled_again_and_again_grows_though_it_never_runs_dry() {
    let mut shelf = Shelf::default();
    let mut refills = Vec::new();
    for _ in 0..2000 {
        if let (_, Some(count)) = shelf.take() {
            refills.push(count);
            shelf.put(vec![(); count]);
        }
    }
    assert_eq!(shelf.target, MOST);
    assert_eq!(refills.iter().rev().take(10).copied().collect::<Vec<_>>(), [MOST - MOST / 4; 10]);
    // At an ordinary pace it stays what it is.
    let mut shelf = Shelf::default();
    shelf.put(vec![(); LEAST]);
    for _ in 0..100 {
        if let (_, Some(count)) = shelf.take() {
            shelf.put(vec![(); count]);
        }
        shelf.trim();
    }
    assert_eq!(shelf.target, LEAST);
}
