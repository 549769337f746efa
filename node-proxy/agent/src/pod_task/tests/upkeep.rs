//! What changes under a Pod in the mesh.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_changed_capture_is_put_right() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    tokio::time::sleep(CHECK_EVERY * 3).await;
    assert_eq!(agent.context.repairs.get(), 0);
    agent.diary();

    agent.context.kernel.tamper(10);
    tokio::time::sleep(CHECK_EVERY + Duration::from_millis(100)).await;
    assert_eq!((agent.diary(), agent.context.repairs.get()), (vec!["install 10".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_cannot_be_put_right_is_a_problem_until_it_can() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("install");
    agent.context.kernel.tamper(10);
    let has_problem = |status: Option<&PodStatus>| status.is_some_and(|status| status.problem.is_some());
    let status = agent.until("web", has_problem).await.unwrap();
    assert!(status.problem.unwrap().contains("install fails"));
    agent.context.kernel.succeed("install");
    agent.until("web", |status| !has_problem(status)).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_capture_is_put_right_where_nothing_can_be_written() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    let (state, aside) = (folder.path().join("pods"), folder.path().join("aside"));
    std::fs::rename(&state, &aside).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    agent.context.kernel.tamper(10);
    let has_problem = |status: Option<&PodStatus>| status.is_some_and(|status| status.problem.is_some());
    let status = agent.until("web", has_problem).await.unwrap();
    assert!(status.problem.unwrap().contains("pods"));
    tokio::time::sleep(CHECK_EVERY * 3).await;
    assert!(has_problem(agent.status("web").await.as_ref()), "and stays until it can");
    assert_eq!(agent.diary(), ["install 10"]);
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();
    agent.until("web", |status| !has_problem(status)).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_namespace_is_gone_is_removed() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.delete("/web");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!(agent.records(), 0);
    assert_eq!(node.told(), ["added 10", "removed 10"]);
    assert!(agent.context.kernel.options(10).is_some(), "what may be left in it is not let go");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_be_looked_at_is_not_gone_for_that() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.fail("look");
    let has_problem = |status: Option<&PodStatus>| status.is_some_and(|status| status.problem.is_some());
    let status = agent.until("web", has_problem).await.unwrap();
    assert!(status.captured && status.problem.unwrap().contains("look fails"));
    agent.context.kernel.succeed("look");
    agent.until("web", |status| status.is_some() && !has_problem(status)).await;
    assert_eq!(node.told(), ["added 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_recreated_sandbox_replaces_the_old_one() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.context.kernel.delete("/web");
    agent.context.kernel.add("/web-again", 11);
    let status = agent.enrol("web", "/web-again").await.unwrap();
    assert!(status.captured && status.problem.is_none(), "{status:?}");
    assert_eq!(node.told(), ["added 10", "removed 10", "added 11"]);
    assert_eq!(agent.records(), 1);
    assert!(agent.context.kernel.options(10).is_some(), "whoever is left in the old one stays cut off");
}

#[tokio::test(start_paused = true)]
async fn strict_mode_closes_older_flows() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    assert!(!agent.context.kernel.options(10).unwrap().strict);
    for strict in [true, false, true] {
        node.orders.send((reference("web", 10), strict)).await.unwrap();
        while agent.context.kernel.options(10).unwrap().strict != strict {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(agent.context.repairs.get(), 0, "nobody else has changed it");
    drop(node);
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| status.is_some_and(|status| status.captured)).await;
    assert!(agent.context.kernel.options(10).unwrap().strict, "and it is kept");
}
