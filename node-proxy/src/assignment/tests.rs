use super::{home, neighbour};

#[test]
fn the_members_of_a_group_are_shared_out_evenly() {
    for pod in 0..7 {
        for workers in 1..5 {
            let mut load = vec![0; workers];
            for member in 0..workers * 3 {
                load[home(pod, member, workers)] += 1;
            }
            assert!(load.iter().all(|count| *count == 3), "pod {pod}, {workers} workers: {load:?}");
        }
    }
}

#[test]
fn no_number_is_out_of_bounds() {
    for workers in [0, 1, 2, 63] {
        assert!(home(u64::MAX, usize::MAX, workers) < workers.max(1));
    }
}

#[test]
fn a_neighbour_is_another_that_works() {
    assert_eq!(neighbour(0, &[true, false]), Some(1));
    assert_eq!(neighbour(1, &[false, true]), Some(0));
    assert_eq!(neighbour(0, &[true, true, false]), Some(2));
    assert_eq!(neighbour(0, &[true, true]), None);
    assert_eq!(neighbour(0, &[true]), None);
    assert_eq!(neighbour(0, &[]), None);
}
