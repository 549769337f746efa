use std::time::Duration;

use super::*;
use crate::drain;

#[tokio::test(start_paused = true)]
async fn those_that_end_are_joined_and_the_rest_is_aborted_by_name() {
    let (trigger, drain) = drain::new();
    let mut tasks = Tasks::new();
    for name in ["second", "first"] {
        tasks.spawn(name, std::future::pending());
    }
    let graceful = drain.clone();
    tasks.spawn("graceful", async move { graceful.started().await });
    trigger.start(Duration::from_secs(5));
    let begun = tokio::time::Instant::now();
    assert_eq!(tasks.join(&drain).await, ["first", "second"]);
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn all_ended_needs_no_drain() {
    let (_trigger, drain) = drain::new();
    let mut tasks = Tasks::new();
    tasks.spawn("short", async {});
    assert!(tasks.join(&drain).await.is_empty());
}

#[tokio::test]
async fn a_panic_is_told_from_an_end() {
    let mut tasks = Tasks::new();
    tasks.spawn("bad", async { panic!("on purpose") });
    assert_eq!(tasks.ended().await, Some(Ended { name: "bad".to_owned(), panicked: true }));
    tasks.spawn("good", async {});
    assert_eq!(tasks.ended().await, Some(Ended { name: "good".to_owned(), panicked: false }));
    assert_eq!(tasks.ended().await, None);
    assert!(tasks.is_empty());
}

#[tokio::test]
async fn tasks_that_are_not_send_run_locally() {
    let local = tokio::task::LocalSet::new();
    let ended = local
        .run_until(async {
            let mut tasks = Tasks::new();
            let counter = std::rc::Rc::new(());
            tasks.spawn_local("local", async move { drop(counter) });
            tasks.ended().await
        })
        .await;
    assert_eq!(ended, Some(Ended { name: "local".to_owned(), panicked: false }));
}
