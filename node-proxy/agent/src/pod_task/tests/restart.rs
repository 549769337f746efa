//! An agent or a node proxy that is started again.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_takes_up_its_pods_with_their_listeners() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    let agent = agent.restart(folder.path()).await;
    let is_carried = |status: Option<&PodStatus>| {
        status.is_some_and(|status| status.captured && !status.carried_by.is_empty())
    };
    agent.until("web", is_carried).await;
    tokio::time::sleep(SEEK_FOR * 2).await;
    assert_eq!(agent.diary(), ["listen 10", "install 10", "install 10"], "no listener was opened again");
    assert_eq!(node.told(), ["added 10"], "the node proxy has noticed nothing");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_opens_listeners_that_nobody_holds() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    drop(node);
    let agent = agent.restart(folder.path()).await;
    agent.diary();
    let begin = Instant::now();
    let has_listeners = |roster: &mut karez_handover::agent::Roster| {
        let offer = roster.offer_of(&reference("web", 10))?;
        matches!(offer.supply, Supply::Listeners { .. }).then_some(())
    };
    agent.context.roster.wait(has_listeners).await;
    assert!(begin.elapsed() >= SEEK_FOR, "a node proxy might have come back with them");
    let node = Node::start(folder.path());
    agent.until("web", |status| status.is_some_and(|status| !status.carried_by.is_empty())).await;
    assert_eq!(node.told(), ["added 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_does_not_wait_once_the_node_proxy_has_spoken() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    drop(node);
    let agent = agent.restart(folder.path()).await;
    let begin = Instant::now();
    let _node = Node::start(folder.path());
    agent.until("web", |status| status.is_some_and(|status| !status.carried_by.is_empty())).await;
    assert!(begin.elapsed() < SEEK_FOR / 2, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_forgets_pods_that_went_meanwhile() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.delete("/web");
    let agent = agent.restart(folder.path()).await;
    assert!(agent.status("web").await.is_none());
    assert_eq!(agent.records(), 0);
}

/// Whether a Pod says that a step fails.
fn has_problem(status: Option<&PodStatus>, step: &str) -> bool {
    let problem = status.and_then(|status| status.problem.as_deref());
    problem.is_some_and(|problem| problem.contains(&format!("{step} fails")))
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_keeps_a_pod_whose_namespace_cannot_be_opened_yet() {
    for step in ["look", "open"] {
        let (folder, agent, node) = world();
        agent.enrol("web", "/web").await.unwrap();
        agent.context.kernel.fail(step);
        let agent = agent.restart(folder.path()).await;
        let status = agent.until("web", |status| has_problem(status, step)).await.unwrap();
        assert!(!status.captured);
        assert!(agent.context.sandboxes.of(&reference("web", 10)).is_none());
        agent.context.kernel.succeed(step);
        let is_well = |status: Option<&PodStatus>| {
            status.is_some_and(|status| status.captured && status.problem.is_none())
        };
        let status = agent.until("web", is_well).await.unwrap();
        assert_eq!(status.carried_by, ["karez-node"]);
        assert!(agent.context.sandboxes.of(&reference("web", 10)).is_some());
        assert_eq!(node.told(), ["added 10"], "the node proxy has noticed nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_namespace_cannot_be_opened_leaves_once_it_can() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("open");
    let agent = agent.restart(folder.path()).await;
    let removal = agent.handle.remove("shop", "web").await.unwrap();
    assert!(removal.problem.unwrap().contains("open fails"));
    assert_eq!(agent.records(), 1);
    agent.context.kernel.succeed("open");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_came_in_the_place_of_another_is_left_alone() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("open");
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| has_problem(status, "open")).await;
    agent.diary();
    agent.context.kernel.add("/web", 11);
    agent.context.kernel.succeed("open");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!(agent.diary(), [""; 0]);
    assert_eq!(agent.records(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_goes_on_with_a_removal() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("remove");
    agent.handle.remove("shop", "web").await.unwrap();
    agent.context.kernel.succeed("remove");
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.context.kernel.options(10)), (0, None));
    drop(node);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_node_proxy_gets_the_pods() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    drop(node);
    let gone = |status: Option<&PodStatus>| status.is_some_and(|status| status.carried_by.is_empty());
    agent.until("web", gone).await;
    let node = Node::start(folder.path());
    agent.until("web", |status| status.is_some_and(|status| !status.carried_by.is_empty())).await;
    assert_eq!(node.told(), ["added 10"]);
    assert_eq!(agent.diary(), [""; 0], "with the listeners that there were, and their queues");
}
