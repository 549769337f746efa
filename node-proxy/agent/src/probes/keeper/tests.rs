use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use karez_capture::nftables::{Generation, NftablesError};
use karez_capture::probes::ProbeError;

use super::*;
use crate::probes::ProbedPods;

/// A node that keeps a diary of the addresses that are loaded.
#[derive(Debug, Default)]
struct FakeNode {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kubelet: Option<NodeProcess>,
    generation: u32,
    diary: Vec<String>,
}

impl FakeNode {
    fn diary(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().diary)
    }

    fn start_kubelet(&self, pid: u32) {
        self.state.lock().unwrap().kubelet = Some(NodeProcess::at(pid));
    }
}

impl Node for Arc<FakeNode> {
    fn kubelet(&self) -> io::Result<Option<NodeProcess>> {
        Ok(self.state.lock().unwrap().kubelet.clone())
    }

    fn is_running(&self, kubelet: &NodeProcess) -> bool {
        self.state.lock().unwrap().kubelet.as_ref() == Some(kubelet)
    }

    fn load(&self, kubelet: &NodeProcess, pods: BTreeSet<IpAddr>) -> Result<Loaded, ProbeError> {
        let mut state = self.state.lock().unwrap();
        let pods: Vec<_> = pods.iter().map(IpAddr::to_string).collect();
        state.diary.push(format!("{}: {}", kubelet.pid, pods.join(" ")));
        state.generation += 1;
        let creator = Creator::Cgroup("kubelet".to_owned());
        Ok(Loaded { creator, generation: Generation(state.generation) })
    }

    fn guard(&self) -> Result<(), NftablesError> {
        self.state.lock().unwrap().diary.push("guarded".to_owned());
        Ok(())
    }

    fn guard_bridges(&self) {}

    fn may_have_changed(&self, loaded: &Loaded) -> Result<bool, NftablesError> {
        Ok(loaded.generation != Generation(self.state.lock().unwrap().generation))
    }

    fn remove(&self) -> Result<(), NftablesError> {
        self.state.lock().unwrap().diary.push("removed".to_owned());
        Ok(())
    }
}

struct World {
    node: Arc<FakeNode>,
    pods: ProbedPods,
    uninstall: Uninstall,
    by_cgroup: Gauge,
}

impl World {
    fn start() -> Self {
        let (pods, requested) = ProbedPods::new();
        let (node, uninstall, by_cgroup) = (Arc::default(), Uninstall::new(None), Gauge::default());
        let keeper = ProbeKeeper::new(
            Arc::clone(&node),
            requested,
            Uninstall::clone(&uninstall),
            Gauge::clone(&by_cgroup),
        );
        tokio::spawn(keeper.run());
        Self { node, pods, uninstall, by_cgroup }
    }

    /// What the keeper does within a time that passes at once.
    async fn diary_after(&self, time: Duration) -> Vec<String> {
        tokio::time::sleep(time).await;
        self.node.diary()
    }
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split(' ').map(|it| it.parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_in_the_rules_before_it_is_captured_and_until_it_has_left() {
    let world = World::start();
    world.node.start_kubelet(7);
    let first = world.pods.admit(addresses("10.0.0.1 fd00::1"));
    first.in_force().await;
    assert_eq!(world.node.diary().pop().unwrap(), "7: 10.0.0.1 fd00::1");
    assert_eq!(world.by_cgroup.get(), 1);

    // A Pod that ends, and another one with its address.
    let second = world.pods.admit(addresses("10.0.0.1"));
    second.in_force().await;
    world.node.diary();
    drop(first);
    assert_eq!(world.diary_after(LOOK_EVERY).await, ["7: 10.0.0.1"]);
    drop(second);
    assert_eq!(world.diary_after(LOOK_EVERY).await, ["7: "]);
    assert!(world.diary_after(COMPARE_EVERY * 3).await.is_empty(), "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn rules_follow_a_kubelet_that_is_started_anew() {
    let world = World::start();
    world.node.start_kubelet(7);
    let _pod = world.pods.admit(addresses("10.0.0.1"));
    world.diary_after(LOOK_EVERY).await;
    world.node.start_kubelet(8);
    assert_eq!(world.diary_after(LOOK_EVERY * 2).await, ["8: 10.0.0.1"]);
}

#[tokio::test(start_paused = true)]
async fn rules_that_others_may_have_removed_are_loaded_again() {
    let world = World::start();
    world.node.start_kubelet(7);
    let _pod = world.pods.admit(addresses("10.0.0.1"));
    world.diary_after(LOOK_EVERY).await;
    world.node.state.lock().unwrap().generation += 1;
    assert_eq!(world.diary_after(COMPARE_EVERY * 2).await, ["7: 10.0.0.1"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_kubelet_nobody_bears_a_probe_address_and_no_pod_waits() {
    let world = World::start();
    let before = Instant::now();
    let pod = world.pods.admit(addresses("10.0.0.1"));
    pod.in_force().await;
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(world.node.diary(), ["guarded"]);
    assert_eq!(world.by_cgroup.get(), 0);
    let later = world.diary_after(COMPARE_EVERY * 3).await;
    assert!(
        later.len() >= 2 && later.iter().all(|it| it == "guarded"),
        "somebody may have removed it: {later:?}"
    );
    world.node.start_kubelet(7);
    assert_eq!(world.diary_after(LOOK_EVERY * 2).await, ["7: 10.0.0.1"]);
    drop(pod);
}

#[tokio::test(start_paused = true)]
async fn an_uninstallation_removes_the_rules_after_the_last_pod() {
    let world = World::start();
    world.node.start_kubelet(7);
    let pod = world.pods.admit(addresses("10.0.0.1"));
    world.diary_after(LOOK_EVERY).await;
    world.uninstall.request().await;
    assert!(world.diary_after(LOOK_EVERY).await.is_empty(), "its probes go on");
    drop(pod);
    world.uninstall.rules_gone().await;
    assert_eq!(world.node.diary(), ["removed"]);
    assert!(world.diary_after(COMPARE_EVERY * 2).await.is_empty());
}

#[tokio::test]
async fn outside_of_kubernetes_nobody_waits_for_rules() {
    let (pods, _) = ProbedPods::new();
    pods.admit(addresses("10.0.0.1")).in_force().await;
}
