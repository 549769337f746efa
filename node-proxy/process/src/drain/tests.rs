use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_drain_starts_and_is_over_at_its_deadline() {
    let (trigger, drain) = new();
    assert!(!drain.is_draining());
    let begun = Instant::now();
    trigger.start(10 * SECOND);
    drain.started().await;
    assert!(drain.is_draining());
    assert_eq!(begun.elapsed(), Duration::ZERO);
    drain.over().await;
    assert_eq!(begun.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn waiters_wake_when_it_starts_and_when_the_end_comes_nearer() {
    let (trigger, drain) = new();
    let begun = Instant::now();
    let waiter = tokio::spawn(async move {
        drain.started().await;
        let started = begun.elapsed();
        drain.over().await;
        (started, begun.elapsed())
    });
    tokio::time::sleep(SECOND).await;
    trigger.start(10 * SECOND);
    tokio::time::sleep(SECOND).await;
    trigger.start(60 * SECOND);
    trigger.start(SECOND);
    assert_eq!(waiter.await.unwrap(), (SECOND, 3 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_lower_level_ends_with_the_one_above() {
    let (process, drain) = new();
    let (pod, pod_drain) = drain.level();
    let begun = Instant::now();
    process.start(10 * SECOND);
    pod_drain.over().await;
    assert_eq!(begun.elapsed(), 10 * SECOND);
    drop(pod);
}

#[tokio::test(start_paused = true)]
async fn a_lower_level_ends_alone() {
    let (_process, drain) = new();
    let (pod, pod_drain) = drain.level();
    pod.abort();
    pod_drain.over().await;
    assert!(!drain.is_draining());
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_levels_counts() {
    let (process, drain) = new();
    let (pod, pod_drain) = drain.level();
    let begun = Instant::now();
    pod.start(2 * SECOND);
    process.start(10 * SECOND);
    pod_drain.over().await;
    assert_eq!(begun.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_trigger_ends_everything_at_once() {
    let (trigger, drain) = new();
    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.over().await }
    });
    tokio::task::yield_now().await;
    drop(trigger);
    waiting.await.unwrap();
    drain.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_level_whose_trigger_above_is_gone_still_waits_for_nothing_else() {
    let (process, drain) = new();
    let (_pod, pod_drain) = drain.level();
    process.start(SECOND);
    drop(process);
    let begun = Instant::now();
    pod_drain.over().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
