mod leaving;
mod restart;
mod upkeep;
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
use crate::enrolment::RequestError;
use crate::kernel::ServedBy;
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
    assert_eq!(agent.handle.enrol(&request).await.unwrap().pod.uid, "shop/web");
}

#[tokio::test(start_paused = true)]
async fn the_same_in_other_words_changes_nothing() {
    let (_folder, agent, node) = world();
    agent.context.kernel.add("/proc/7/ns/net", 10);
    let with = |path: &str, addresses: [&str; 2]| PodRequest {
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        ..request("web", path)
    };
    agent.handle.enrol(&with("/web", ["10.0.0.9", "fd00::9"])).await.unwrap();
    agent.diary();
    for request in [
        with("/web", ["fd00::9", "10.0.0.9"]),
        with("/web", ["::ffff:10.0.0.9", "fd00:0::9"]),
        with("/proc/7/ns/net", ["10.0.0.9", "fd00::9"]),
    ] {
        let enrolment = agent.handle.enrol(&request).await.unwrap();
        assert_eq!((&enrolment.changed[..], &enrolment.pod.netns), (&[][..], &request.netns), "{request:?}");
        assert!(enrolment.pod.problem.is_none() && !enrolment.pod.carried_by.is_empty(), "{enrolment:?}");
    }
    assert_eq!(agent.diary(), [""; 0]);
    assert_eq!(node.told(), ["added 10"]);

    let (records, _) = agent.context.store.load().unwrap();
    assert_eq!(
        records[0].netns,
        Path::new("/proc/7/ns/net"),
        "the path that was said last is the one to look at"
    );
    agent.context.kernel.delete("/web");
    tokio::time::sleep(CHECK_EVERY * 2).await;
    assert!(agent.status("web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn another_description_reaches_the_node_proxy_and_the_store() {
    let (_folder, agent, node) = world();
    agent.enrol("web", "/web").await.unwrap();
    agent.diary();
    let other = PodRequest { service_account: "other".to_owned(), ..request("web", "/web") };
    let enrolment = agent.handle.enrol(&other).await.unwrap();
    assert_eq!(enrolment.pod.service_account, "other");
    assert!(enrolment.changed[0].contains("was default and is other"), "{enrolment:?}");
    // The answer does not come before the node proxy carries it as it is now.
    assert_eq!(enrolment.pod.carried_by, ["karez-node"]);
    assert_eq!(node.told(), ["added 10", "removed 10", "added 10"]);
    assert_eq!(agent.diary(), [""; 0], "its capture and listeners are the same");
    let (records, _) = agent.context.store.load().unwrap();
    assert_eq!(&*records[0].pod.service_account, "other");
    assert_eq!(agent.handle.enrol(&other).await.unwrap().changed, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_node_proxy_a_pod_is_captured_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let begin = Instant::now();
    let status = agent.enrol("web", "/web").await.unwrap();
    assert!(begin.elapsed() >= crate::enrolment::CARRIED_WITHIN);
    assert!(status.captured && status.carried_by.is_empty());
    assert!(status.problem.unwrap().contains("no node proxy is connected"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_enrolled() {
    let (_folder, agent, _node) = world();
    agent.context.kernel.add("/host", HOST);
    assert!(matches!(agent.enrol("host", "/host").await, Err(RequestError::Namespace(_))));
    assert!(matches!(agent.enrol("none", "/none").await, Err(RequestError::Namespace(_))));
    assert!(matches!(agent.enrol("a/b", "/web").await, Err(RequestError::Invalid(_))));
    for nobodys in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "::", "::1", "ff02::1"] {
        let request = PodRequest { addresses: vec![nobodys.parse().unwrap()], ..request("web", "/web") };
        let outcome = agent.handle.enrol(&request).await;
        assert!(matches!(outcome, Err(RequestError::Address(_))), "{nobodys}: {outcome:?}");
    }
    agent.context.kernel.fail("address");
    assert!(matches!(agent.enrol("web", "/web").await, Err(RequestError::NoAddress(_))));
    agent.context.kernel.succeed("address");
    agent.enrol("web", "/web").await.unwrap();
    let conflict = agent.enrol("other", "/web").await;
    assert!(matches!(conflict, Err(RequestError::Refused(Refused::Conflict(_)))), "{conflict:?}");
    assert_eq!(agent.handle.list().await.unwrap().pods.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_enrolment_leaves_nothing() {
    for step in ["listen", "install"] {
        let (_folder, agent, node) = world();
        agent.context.kernel.fail(step);
        let failed = agent.enrol("web", "/web").await;
        assert!(matches!(failed, Err(RequestError::Failed { .. })), "{failed:?}");
        assert_eq!(agent.records(), 0);
        assert!(agent.diary().contains(&"remove 10".to_owned()));
        assert!(agent.until("web", |status| status.is_none()).await.is_none());
        assert!(agent.context.roster.with(|roster| roster.offer_of(&reference("web", 10)).is_none()));
        assert!(agent.context.sandboxes.of(&reference("web", 10)).is_none());

        agent.context.kernel.succeed(step);
        assert!(agent.enrol("web", "/web").await.unwrap().captured, "and its name is free again");
        drop(node);
    }
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
    agent.handle.remove("shop", "web").await.unwrap();
    assert!(request(reference("web", 10)).await.is_err());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_ztunnel_gets_the_namespace_and_no_listener() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::with(folder.path(), Fake::default(), ServedBy::Ztunnel);
    agent.context.kernel.add("/web", 10);
    assert!(agent.enrol("web", "/web").await.unwrap().captured);
    assert_eq!(agent.diary(), ["duplicate 10", "install 10"]);
}

/// Many at once, some of which come and go again meanwhile.
#[tokio::test(start_paused = true)]
async fn a_burst_of_pods() {
    let (_folder, agent, node) = world();
    let names: Vec<String> = (0..100).map(|number| format!("pod-{number}")).collect();
    for (name, inode) in names.iter().zip(100..) {
        agent.context.kernel.add(&format!("/{name}"), inode);
    }
    let mut enrolling = JoinSet::new();
    for name in names.clone() {
        let handle = agent.handle.clone();
        enrolling.spawn(async move {
            let status = handle.enrol(&request(&name, &format!("/{name}"))).await.unwrap().pod;
            assert!(status.captured && !status.carried_by.is_empty(), "{status:?}");
            if name.ends_with('7') {
                handle.remove("shop", &name).await.unwrap();
                handle.enrol(&request(&name, &format!("/{name}"))).await.unwrap();
            }
        });
    }
    while let Some(enrolled) = enrolling.join_next().await {
        enrolled.unwrap();
    }
    assert_eq!(agent.handle.list().await.unwrap().pods.len(), 100);
    assert_eq!(node.told().iter().filter(|told| told.starts_with("added")).count(), 110);
}
