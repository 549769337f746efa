pub(crate) mod world;

use std::path::Path;
use std::time::Duration;

use karez_capture::sockets::Kind;
use karez_handover::agent::Supply;
use karez_handover::enrol::{PodRequest, PodStatus};
use karez_handover::listener::Family;
use karez_handover::stock;
use tokio::task::JoinSet;

use super::*;
use crate::enrolment::TurnedDown;
use crate::ground::ServedBy;
use crate::kernel::fake::{Fake, HOST};
use crate::pods::Refused;
use world::{Agent, Node, address, reference, request, world};

#[tokio::test(start_paused = true)]
async fn a_pod_is_enrolled() {
    let (_folder, agent, node) = world();
    let status = agent.enrol("web", "/web").await.unwrap();
    assert!(status.captured, "{status:?}");
    assert_eq!((status.carried_by, status.problem), (vec!["karez-node".to_owned()], None));
    assert_eq!(status.addresses, ["10.0.0.9".parse::<std::net::IpAddr>().unwrap()], "the namespace's own");
    assert_eq!(agent.diary(), ["listen 10", "install 10"], "listeners before there is anything to redirect");
    assert_eq!(node.told(), ["added 10"]);
    assert_eq!(agent.records(), 1);
}

#[tokio::test(start_paused = true)]
async fn enrolling_again_changes_nothing() {
    let (_folder, agent, node) = world();
    let first = agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    assert_eq!(agent.enrol("web", "/web").await.unwrap(), first);
    assert_eq!(agent.diary(), [""; 0]);
    assert_eq!(node.told(), ["added 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_a_uid_gets_one() {
    let (_folder, agent, _node) = world();
    let request = PodRequest { uid: None, ..request("web", "/web") };
    assert_eq!(agent.desk.enrol(&request).await.unwrap().pod.uid, "shop/web");
}

#[tokio::test(start_paused = true)]
async fn the_same_in_other_words_changes_nothing() {
    let (_folder, agent, node) = world();
    agent.ground.kernel.add("/proc/7/ns/net", 10);
    let with = |path: &str, addresses: [&str; 2]| PodRequest {
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        ..request("web", path)
    };
    agent.desk.enrol(&with("/web", ["10.0.0.9", "fd00::9"])).await.unwrap();
    agent.diary();
    for request in [
        with("/web", ["fd00::9", "10.0.0.9"]),
        with("/web", ["::ffff:10.0.0.9", "fd00:0::9"]),
        with("/proc/7/ns/net", ["10.0.0.9", "fd00::9"]),
    ] {
        let enrolment = agent.desk.enrol(&request).await.unwrap();
        assert_eq!((&enrolment.changed[..], &enrolment.pod.netns), (&[][..], &request.netns), "{request:?}");
        assert!(enrolment.pod.problem.is_none() && !enrolment.pod.carried_by.is_empty(), "{enrolment:?}");
    }
    assert_eq!(agent.diary(), [""; 0]);
    assert_eq!(node.told(), ["added 10"]);

    let (records, _) = agent.ground.store.load().unwrap();
    assert_eq!(
        records[0].netns,
        Path::new("/proc/7/ns/net"),
        "the path that was said last is the one to look at"
    );
    agent.ground.kernel.delete("/web");
    tokio::time::sleep(LOOK_EVERY * 2).await;
    assert!(agent.status("web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn another_description_reaches_the_node_proxy_and_the_store() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    let other = PodRequest { service_account: "other".to_owned(), ..request("web", "/web") };
    let enrolment = agent.desk.enrol(&other).await.unwrap();
    assert_eq!(enrolment.pod.service_account, "other");
    assert!(enrolment.changed[0].contains("was default and is other"), "{enrolment:?}");
    // The answer does not come before the node proxy carries it as it is now.
    assert_eq!(enrolment.pod.carried_by, ["karez-node"]);
    assert_eq!(node.told(), ["added 10", "removed 10", "added 10"]);
    assert_eq!(agent.diary(), [""; 0], "its capture and listeners are the same");
    let (records, _) = agent.ground.store.load().unwrap();
    assert_eq!(&*records[0].pod.service_account, "other");
    assert_eq!(agent.desk.enrol(&other).await.unwrap().changed, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_node_proxy_a_pod_is_captured_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.ground.kernel.add("/web", 10);
    let begin = Instant::now();
    let status = agent.enrol("web", "/web").await.unwrap();
    assert!(begin.elapsed() >= crate::enrolment::CARRIED_WITHIN);
    assert!(status.captured && status.carried_by.is_empty());
    assert!(status.problem.unwrap().contains("no node proxy is connected"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_enrolled() {
    let (_folder, agent, _node) = world();
    agent.ground.kernel.add("/host", HOST);
    assert!(matches!(agent.enrol("host", "/host").await, Err(TurnedDown::Namespace(_))));
    assert!(matches!(agent.enrol("none", "/none").await, Err(TurnedDown::Namespace(_))));
    assert!(matches!(agent.enrol("a/b", "/web").await, Err(TurnedDown::Invalid(_))));
    agent.enrol("web", "/web").await.unwrap();
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(TurnedDown::Refused(Refused::Conflict(_)))), "{conflict:?}");
    assert_eq!(agent.desk.list().await.unwrap().pods.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_enrolment_leaves_nothing() {
    for step in ["listen", "install"] {
        let (_folder, agent, node) = world();
        agent.ground.kernel.fail(step);
        let failed = agent.enrol("web", "/web").await;
        assert!(matches!(failed, Err(TurnedDown::Failed { .. })), "{failed:?}");
        assert_eq!(agent.records(), 0);
        assert!(agent.diary().contains(&"remove 10".to_owned()));
        assert!(agent.until("web", |status| status.is_none()).await.is_none());
        assert!(agent.ground.roster.with(|roster| roster.offer_of(&reference("web", 10)).is_none()));
        assert!(agent.ground.sandboxes.of(&reference("web", 10)).is_none());

        agent.ground.kernel.succeed(step);
        assert!(agent.enrol("web", "/web").await.unwrap().captured, "and its name is free again");
        drop(node);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_enrolment_leaves_is_taken_away_later() {
    let (_folder, agent, _node) = world();
    agent.ground.kernel.fail("install");
    agent.ground.kernel.fail("remove");
    let failed = agent.enrol("web", "/web").await;
    assert!(matches!(failed, Err(TurnedDown::Failed { .. })), "{failed:?}");
    let status = agent.status("web").await.unwrap();
    assert!(!status.captured && status.problem.unwrap().contains("remove fails"));
    let (records, _) = agent.ground.store.load().unwrap();
    assert_eq!(records[0].phase, Phase::Leaving, "so that a restart takes it away");
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(TurnedDown::Refused(Refused::Conflict(_)))), "{conflict:?}");

    agent.ground.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_into_a_namespace_before_its_pod_has_left_it() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.ground.kernel.add("/web", 10);
    agent.ground.kernel.add("/new", 11);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let desk = agent.desk.clone();
    let moving = tokio::spawn(async move { desk.enrol(&request("web", "/new")).await });
    agent.until("web", |status| status.is_some_and(|status| !status.captured)).await;
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(TurnedDown::Refused(Refused::Conflict(_)))), "{conflict:?}");
    assert!(moving.await.unwrap().unwrap().pod.captured);
    assert!(agent.enrol("other", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_pod_does_not_come_into_another_namespace_before_it_has_left_its_own() {
    let (_folder, agent, _node) = world();
    agent.ground.kernel.add("/new", 11);
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("remove");
    let failed = agent.enrol("web", "/new").await;
    assert!(matches!(failed, Err(TurnedDown::Failed { reason: LifeError::Former { .. }, .. })), "{failed:?}");
    let message = failed.unwrap_err().to_string();
    assert!(["shop/web", " /web ", "remove fails"].iter().all(|part| message.contains(part)), "{message}");
    let (records, _) = agent.ground.store.load().unwrap();
    assert_eq!((records[0].phase, &records[0].pod.reference), (Phase::Leaving, &reference("web", 10)));

    agent.ground.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
    assert!(agent.enrol("web", "/new").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_pod_leaves_in_order() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    let removal = agent.desk.remove("shop", "web").await.unwrap();
    assert_eq!(removal.problem, None);
    assert_eq!(agent.diary(), ["leave 10", "remove 10"]);
    assert_eq!(node.told(), ["added 10", "stopping 10", "removed 10"]);
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
    assert!(agent.ground.sandboxes.of(&reference("web", 10)).is_none());

    let unknown = agent.desk.remove("shop", "web").await;
    assert!(matches!(unknown, Err(TurnedDown::Refused(Refused::Unknown(_)))), "{unknown:?}");
    assert!(agent.enrol("web", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_free_once_its_pod_has_left() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.desk.remove("shop", "web").await.unwrap();
    assert!(agent.enrol("other", "/web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn a_node_proxy_that_does_not_let_go_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.ground.kernel.add("/web", 10);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let begin = Instant::now();
    agent.desk.remove("shop", "web").await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(22), "{:?}", begin.elapsed());
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_leaves_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.ground.kernel.add("/web", 10);
    let _node = Node::with(folder.path(), false);
    agent.enrol("web", "/web").await.unwrap();
    let desk = agent.desk.clone();
    let removal = tokio::spawn(async move { desk.remove("shop", "web").await });
    let status = agent.until("web", |status| status.is_some_and(|status| !status.captured)).await.unwrap();
    assert_eq!(status.problem.as_deref(), Some("leaving the mesh"));
    assert!(removal.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_tried_again() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("remove");
    let removal = agent.desk.remove("shop", "web").await.unwrap();
    assert!(removal.problem.unwrap().contains("remove fails"));
    let status = agent.status("web").await.unwrap();
    assert!(!status.captured && status.problem.is_some(), "{status:?}");
    assert_eq!(agent.records(), 1, "so that a restart takes it up");

    agent.ground.kernel.succeed("remove");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_changed_capture_is_put_right() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    tokio::time::sleep(LOOK_EVERY * 3).await;
    assert_eq!(agent.ground.repairs.get(), 0);
    agent.diary();

    agent.ground.kernel.tamper(10);
    tokio::time::sleep(LOOK_EVERY + Duration::from_millis(100)).await;
    assert_eq!((agent.diary(), agent.ground.repairs.get()), (vec!["install 10".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_cannot_be_put_right_is_a_problem_until_it_can() {
    let (_folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("install");
    agent.ground.kernel.tamper(10);
    let has_problem = |status: Option<&PodStatus>| status.is_some_and(|status| status.problem.is_some());
    let status = agent.until("web", has_problem).await.unwrap();
    assert!(status.problem.unwrap().contains("install fails"));
    agent.ground.kernel.succeed("install");
    agent.until("web", |status| !has_problem(status)).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_namespace_is_gone_is_removed() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.delete("/web");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!(agent.records(), 0);
    assert_eq!(node.told(), ["added 10", "removed 10"]);
    assert!(agent.ground.kernel.how(10).is_some(), "what may be left in it is not let go");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_be_looked_at_is_not_gone_for_that() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("look");
    let has_problem = |status: Option<&PodStatus>| status.is_some_and(|status| status.problem.is_some());
    let status = agent.until("web", has_problem).await.unwrap();
    assert!(status.captured && status.problem.unwrap().contains("look fails"));
    agent.ground.kernel.succeed("look");
    agent.until("web", |status| status.is_some() && !has_problem(status)).await;
    assert_eq!(node.told(), ["added 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_recreated_sandbox_replaces_the_old_one() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.delete("/web");
    agent.ground.kernel.add("/web-again", 11);
    let status = agent.enrol("web", "/web-again").await.unwrap();
    assert!(status.captured && status.problem.is_none(), "{status:?}");
    assert_eq!(node.told(), ["added 10", "removed 10", "added 11"]);
    assert_eq!(agent.records(), 1);
    assert!(agent.ground.kernel.how(10).is_some(), "whoever is left in the old one stays cut off");
}

#[tokio::test(start_paused = true)]
async fn strict_mode_closes_older_flows() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    assert!(!agent.ground.kernel.how(10).unwrap().strict);
    for strict in [true, false, true] {
        node.orders.send((reference("web", 10), strict)).await.unwrap();
        while agent.ground.kernel.how(10).unwrap().strict != strict {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(agent.ground.repairs.get(), 0, "nobody else has changed it");
    drop(node);
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| status.is_some_and(|status| status.captured)).await;
    assert!(agent.ground.kernel.how(10).unwrap().strict, "and it is kept");
}

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
    agent.ground.roster.wait(has_listeners).await;
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
    agent.ground.kernel.delete("/web");
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
        agent.ground.kernel.fail(step);
        let agent = agent.restart(folder.path()).await;
        let status = agent.until("web", |status| has_problem(status, step)).await.unwrap();
        assert!(!status.captured);
        assert!(agent.ground.sandboxes.of(&reference("web", 10)).is_none());
        agent.ground.kernel.succeed(step);
        let is_well = |status: Option<&PodStatus>| {
            status.is_some_and(|status| status.captured && status.problem.is_none())
        };
        let status = agent.until("web", is_well).await.unwrap();
        assert_eq!(status.carried_by, ["karez-node"]);
        assert!(agent.ground.sandboxes.of(&reference("web", 10)).is_some());
        assert_eq!(node.told(), ["added 10"], "the node proxy has noticed nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_namespace_cannot_be_opened_leaves_once_it_can() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("open");
    let agent = agent.restart(folder.path()).await;
    let removal = agent.desk.remove("shop", "web").await.unwrap();
    assert!(removal.problem.unwrap().contains("open fails"));
    assert_eq!(agent.records(), 1);
    agent.ground.kernel.succeed("open");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_came_in_the_place_of_another_is_left_alone() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("open");
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| has_problem(status, "open")).await;
    agent.diary();
    agent.ground.kernel.add("/web", 11);
    agent.ground.kernel.succeed("open");
    agent.until("web", |status| status.is_none()).await;
    assert_eq!(agent.diary(), [""; 0]);
    assert_eq!(agent.records(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_goes_on_with_a_removal() {
    let (folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.ground.kernel.fail("remove");
    agent.desk.remove("shop", "web").await.unwrap();
    agent.ground.kernel.succeed("remove");
    let agent = agent.restart(folder.path()).await;
    agent.until("web", |status| status.is_none()).await;
    assert_eq!((agent.records(), agent.ground.kernel.how(10)), (0, None));
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

#[tokio::test(start_paused = true)]
async fn sockets_are_for_enrolled_pods() {
    let (folder, agent, _node) = world();
    agent.enrol("web", "/web").await.unwrap();
    let (stock, purveyor) = stock::connect(&address(folder.path()), None);
    let running = tokio::spawn(purveyor.run());
    let request = async |pod| stock.request(&pod, Kind::Outbound, Family::V4, 3).await;
    assert_eq!(request(reference("web", 10)).await.unwrap().len(), 3);
    for other in [reference("web", 11), reference("other", 10)] {
        let refused = request(other).await.unwrap_err();
        assert_eq!(refused, stock::StockError::Refused(stock::Refusal::NotEnrolled));
    }
    agent.desk.remove("shop", "web").await.unwrap();
    assert!(request(reference("web", 10)).await.is_err());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_ztunnel_gets_the_namespace_and_no_listener() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::with(folder.path(), Fake::default(), ServedBy::Ztunnel);
    agent.ground.kernel.add("/web", 10);
    assert!(agent.enrol("web", "/web").await.unwrap().captured);
    assert_eq!(agent.diary(), ["duplicate 10", "install 10"]);
}

/// Many at once, some of which come and go again meanwhile.
#[tokio::test(start_paused = true)]
async fn a_burst_of_pods() {
    let (_folder, agent, node) = world();
    let names: Vec<String> = (0..100).map(|number| format!("pod-{number}")).collect();
    for (name, inode) in names.iter().zip(100..) {
        agent.ground.kernel.add(&format!("/{name}"), inode);
    }
    let mut enrolling = JoinSet::new();
    for name in names.clone() {
        let desk = agent.desk.clone();
        enrolling.spawn(async move {
            let status = desk.enrol(&request(&name, &format!("/{name}"))).await.unwrap().pod;
            assert!(status.captured && !status.carried_by.is_empty(), "{status:?}");
            if name.ends_with('7') {
                desk.remove("shop", &name).await.unwrap();
                desk.enrol(&request(&name, &format!("/{name}"))).await.unwrap();
            }
        });
    }
    while let Some(enrolled) = enrolling.join_next().await {
        enrolled.unwrap();
    }
    assert_eq!(agent.desk.list().await.unwrap().pods.len(), 100);
    assert_eq!(node.told().iter().filter(|told| told.starts_with("added")).count(), 110);
}
