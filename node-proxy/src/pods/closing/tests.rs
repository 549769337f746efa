use karez_handover::pod::{NamespaceId, PodUid};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::*;

fn pod(name: &str) -> PodReference {
    PodReference { uid: PodUid::new(name).unwrap(), sandbox: NamespaceId { device: 4, inode: 7 } }
}

/// Adds a Pod that is closed when the sender is dropped.
fn add(closing: &mut Closing, name: &str) -> oneshot::Sender<()> {
    let (open, closed) = oneshot::channel();
    closing.add(pod(name), async {
        let _ = closed.await;
    });
    open
}

/// The Pod closed by now.
async fn closed(closing: &mut Closing) -> Option<PodReference> {
    timeout(Duration::from_millis(1), closing.next()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_closed_when_the_last_of_it_is_and_no_other_waits_for_it() {
    let mut closing = Closing::default();
    assert_eq!(closed(&mut closing).await, None);
    let (web, api) = (add(&mut closing, "web"), add(&mut closing, "api"));
    assert_eq!(closed(&mut closing).await, None);
    drop(api);
    assert_eq!(closed(&mut closing).await, Some(pod("api")));
    assert_eq!(["web", "api"].map(|name| closing.contains(&pod(name))), [true, false]);
    assert_eq!(closed(&mut closing).await, None);
    drop(web);
    assert_eq!(closed(&mut closing).await, Some(pod("web")));
}

#[tokio::test(start_paused = true)]
async fn one_that_came_back_and_went_again_is_closed_once() {
    let mut closing = Closing::default();
    let (before, after) = (add(&mut closing, "web"), add(&mut closing, "web"));
    drop(after);
    assert_eq!(closed(&mut closing).await, None, "its predecessor is open still");
    drop(before);
    assert_eq!(closed(&mut closing).await, Some(pod("web")));
    assert_eq!(closed(&mut closing).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_hangs_is_not_waited_for_for_ever() {
    let mut closing = Closing::default();
    let _open = add(&mut closing, "web");
    let begun = Instant::now();
    assert_eq!(closing.next().await, pod("web"));
    assert!(begun.elapsed() >= CLOSED_WITHIN && begun.elapsed() < CLOSED_WITHIN * 2, "{:?}", begun.elapsed());
}
