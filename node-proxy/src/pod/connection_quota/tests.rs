use super::*;

/// As many as the Pod may take.
fn all_of(pod: &Arc<ConnectionQuota>) -> Vec<ConnectionSlot> {
    std::iter::from_fn(|| pod.take()).collect()
}

#[test]
fn a_pod_has_its_own_and_three_quarters_of_all_at_most() {
    let all = ProcessQuota::new(2 * (READY + 20) + 100);
    let (modest, greedy) = (all.of_pod(20, 30), all.of_pod(20, usize::MAX));
    let held = all_of(&greedy);
    assert_eq!((held.len(), greedy.taken()), (75, 75));
    let mut others = all_of(&modest);
    assert_eq!((others.len(), modest.taken()), (25, 25), "what is left of all");
    drop(held);
    others.extend(all_of(&modest));
    assert_eq!(others.len(), 30, "what it may have itself");
    drop(others);
    assert_eq!((greedy.taken(), modest.taken(), all.taken.load(Relaxed)), (0, 0, 0));
}

#[test]
fn what_is_kept_for_a_pod_lasts_as_long_as_its_last_connection() {
    let all = ProcessQuota::new(2 * READY);
    let pod = all.of_pod(0, usize::MAX);
    let slot = pod.take();
    let other = all.of_pod(0, usize::MAX);
    let quarter = 2 * READY / 4;
    assert_eq!(all_of(&other).len(), quarter / 4 * 3, "there is always something for connections");
    drop(pod);
    assert_eq!(all_of(&other).len(), quarter / 4 * 3);
    drop(slot);
    assert_eq!(all_of(&other).len(), READY / 4 * 3);
}
