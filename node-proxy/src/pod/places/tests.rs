use super::*;

#[test]
fn a_pod_has_its_own_and_all_have_those_of_the_process() {
    let all = Places::of_process(5);
    let [one, other] = [3, 3].map(|most| Places::of_pod(most, Arc::clone(&all)));
    let mut held: Vec<Place> = (0..3).map(|_| one.take().unwrap()).collect();
    assert!(one.take().is_none(), "its own are taken");
    held.extend([other.take().unwrap(), other.take().unwrap()]);
    assert!(other.take().is_none(), "all of the process are taken");
    assert_eq!((one.taken(), other.taken(), all.taken()), (3, 2, 5));
    held.remove(0);
    assert!(other.take().is_some(), "what one gives back another may have");
    drop(held);
    assert_eq!((one.taken(), other.taken(), all.taken()), (0, 0, 0));
}

#[test]
fn no_pod_can_take_all_descriptors() {
    for (open_files, wanted, pod, process, strangers) in [
        (1_048_576, 20_000, 20_000, 917_504, 1024),
        (1_048_576, 40, 40, 917_504, 10),
        (20_000, 20_000, 15_000, 17_500, 312),
        (1_024, 20_000, 768, 896, 16),
        (1_024, 1, 1, 896, 1),
        (u64::MAX, usize::MAX, usize::MAX / 4 * 3, usize::MAX / 8 * 7, 1024),
    ] {
        let shares = Shares { pod, process, strangers };
        assert_eq!(Shares::of(open_files, wanted), shares, "{open_files} open files");
    }
}
