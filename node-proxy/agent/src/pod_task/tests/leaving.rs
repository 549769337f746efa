//! Pods that leave, and what comes after them.

use super::*;
use crate::registry::PodName;

#[tokio::test(start_paused = true)]
async fn what_a_failed_enrolment_leaves_is_taken_away_later() {
    let (_folder, agent, _node) = world();
    agent.context.kernel.fail("install");
    agent.context.kernel.fail("remove");
    let failed = agent.enrol("web", "/web").await;
    assert!(matches!(failed, Err(RequestError::Failed { .. })), "{failed:?}");
    let status = agent.status("web").await.unwrap();
    assert!(!status.captured && status.problem.unwrap().contains("remove fails"));
    let (records, _) = agent.context.store.load().unwrap();
    assert_eq!(records[0].phase, Phase::Leaving, "so that a restart takes it away");
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(RequestError::Refused(Refused::Conflict(_)))), "{conflict:?}");

    agent.context.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_into_a_namespace_before_its_pod_has_left_it() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    agent.context.kernel.add("/new", 11);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let handle = agent.handle.clone();
    let moving = tokio::spawn(async move { handle.enrol(&request("web", "/new")).await });
    agent.until("web", |status| status.is_some_and(|status| !status.captured)).await;
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(RequestError::Refused(Refused::Conflict(_)))), "{conflict:?}");
    assert!(moving.await.unwrap().unwrap().pod.captured);
    assert!(agent.enrol("other", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_pod_does_not_come_into_another_namespace_before_it_has_left_its_own() {
    let (_folder, agent, _node) = world();
    agent.context.kernel.add("/new", 11);
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("remove");
    let failed = agent.enrol("web", "/new").await;
    assert!(
        matches!(failed, Err(RequestError::Failed { reason: PodError::Former { .. }, .. })),
        "{failed:?}"
    );
    let message = failed.unwrap_err().to_string();
    assert!(["shop/web", " /web ", "remove fails"].iter().all(|part| message.contains(part)), "{message}");
    let (records, _) = agent.context.store.load().unwrap();
    assert_eq!((records[0].phase, &records[0].pod.reference), (Phase::Leaving, &reference("web", 10)));

    agent.context.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
    assert!(agent.enrol("web", "/new").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_pod_leaves_in_order() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    let removal = agent.handle.remove("shop", "web").await.unwrap();
    assert_eq!(removal.problem, None);
    assert_eq!(agent.diary(), ["leave 10", "remove 10"]);
    assert_eq!(node.told(), ["added 10", "stopping 10", "removed 10"]);
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
    assert!(agent.context.sandboxes.of(&reference("web", 10)).is_none());

    let unknown = agent.handle.remove("shop", "web").await;
    assert!(matches!(unknown, Err(RequestError::Refused(Refused::Unknown(_)))), "{unknown:?}");
    assert!(agent.enrol("web", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_release_is_of_the_pod_that_is_meant_alone() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    let name = PodName::new("shop", "web");
    agent.handle.release(name.clone(), "uid-of-its-predecessor").await.unwrap();
    assert!(agent.status("web").await.unwrap().captured);
    agent.handle.release(name, "uid-web").await.unwrap();
    assert!(agent.status("web").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_free_once_its_pod_has_left() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.handle.remove("shop", "web").await.unwrap();
    assert!(agent.enrol("other", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_node_proxy_that_does_not_let_go_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let begin = Instant::now();
    agent.handle.remove("shop", "web").await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(22), "{:?}", begin.elapsed());
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_leaves_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let handle = agent.handle.clone();
    let removal = tokio::spawn(async move { handle.remove("shop", "web").await });
    let status = agent.until("web", |status| status.is_some_and(|status| !status.captured)).await.unwrap();
    assert_eq!(status.problem.as_deref(), Some("leaving the mesh"));
    assert!(removal.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_enrolled_again_before_it_has_left_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let options = agent.context.kernel.options(10);
    agent.diary();
    let handle = agent.handle.clone();
    let removal = tokio::spawn(async move { handle.remove("shop", "web").await });
    agent.until("web", |status| status.is_some_and(|status| !status.captured)).await;
    let begin = Instant::now();
    assert!(agent.enrol("web", "/web").await.unwrap().captured);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(removal.await.unwrap().unwrap().problem.is_some());
    assert_eq!(agent.diary(), ["leave 10", "install 10"]);
    assert_eq!(node.told(), ["added 10", "stopping 10", "resumed 10"]);
    assert_eq!(agent.context.kernel.options(10), options, "its sockets keep their mark");
    let (records, _) = agent.context.store.load().unwrap();
    assert_eq!(records[0].phase, Phase::Enrolled);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_tried_again() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("remove");
    let removal = agent.handle.remove("shop", "web").await.unwrap();
    assert!(removal.problem.unwrap().contains("remove fails"));
    let status = agent.status("web").await.unwrap();
    assert!(!status.captured && status.problem.is_some(), "{status:?}");
    assert_eq!(agent.records(), 1, "so that a restart takes it up");

    agent.context.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
}
