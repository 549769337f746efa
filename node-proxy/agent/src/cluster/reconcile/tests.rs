use karez_handover::Address;
use karez_handover::channel::Channel;
use karez_handover::message;
use karez_link::discovery::{Membership, Status};
use prometheus_client::metrics::counter::Counter;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::cluster::node_proxies::ProxyConfig;
use crate::kernel::fake::Fake;
use crate::pod_task::tests::world::{Agent, Node};
use crate::proxies::Source;

/// An agent on a node of a cluster, a node proxy, and what the controller has said.
struct Cluster {
    folder: TempDir,
    agent: Agent,
    _node: Node,
    pods: watch::Sender<Arc<LocalPods>>,
    synced: watch::Sender<Synced>,
    metrics: ClusterMetrics,
    uninstall: Uninstall,
    reconciling: JoinHandle<()>,
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(folder.path());
        Self::with(folder, agent)
    }

    fn with(folder: TempDir, agent: Agent) -> Self {
        let node = Node::start(folder.path());
        Self::with_node(folder, agent, node)
    }

    fn with_node(folder: TempDir, agent: Agent, node: Node) -> Self {
        let (cluster, reconciler) = Self::idle(folder, agent, node);
        Self { reconciling: tokio::spawn(reconciler.run()), ..cluster }
    }

    /// One whose reconciler is not running.
    fn idle(folder: TempDir, agent: Agent, node: Node) -> (Self, Reconciler<Fake>) {
        let (pods, pods_view) = watch::channel(Arc::default());
        let (synced, synced_view) = watch::channel(Synced::Waiting);
        let (_, status) = watch::channel(Status::default());
        let (_, namespaces) = watch::channel(Arc::default());
        let view = LocalPodsView { pods: pods_view, namespaces, synced: synced_view, status };
        let metrics = ClusterMetrics::default();
        let config = ProxyConfig {
            address: Address::Path(folder.path().join("proxy.sock")),
            uid: nix::unistd::geteuid().as_raw(),
            source: Arc::new(Source::new(Arc::clone(&agent.context), Counter::default())),
            record: folder.path().join("node-proxies.json"),
        };
        let node_proxies = NodeProxies::new(Arc::clone(&agent.context), config, metrics.clone());
        let (context, handle) = (Arc::clone(&agent.context), agent.handle.clone());
        let uninstall = Uninstall::new(None);
        let reconciler =
            Reconciler::new(context, handle, view, node_proxies, metrics.clone(), uninstall.clone());
        let reconciling = tokio::spawn(std::future::ready(()));
        let cluster = Self { folder, agent, _node: node, pods, synced, metrics, uninstall, reconciling };
        (cluster, reconciler)
    }

    /// Another agent over the same kernel, which the controller has said nothing to.
    async fn restart(self) -> Self {
        self.reconciling.abort();
        assert!(self.reconciling.await.unwrap_err().is_cancelled());
        let agent = self.agent.restart(self.folder.path()).await;
        Self::with(self.folder, agent)
    }

    fn kernel(&self) -> &Fake {
        &self.agent.context.kernel
    }

    fn say(&self, pods: &[LocalPod]) {
        self.pods.send_replace(Arc::new(pods.iter().map(|pod| (pod.uid.clone(), pod.clone())).collect()));
    }

    async fn until_captured(&self, name: &str, captured: bool) {
        self.agent.until(name, |pod| pod.is_some_and(|pod| pod.captured) == captured).await;
    }

    /// A connection to the agent's socket in the namespace of that inode.
    fn connect(&self, inode: u64) -> std::io::Result<Channel> {
        let path = self.folder.path().join(format!("proxy.sock.{inode}"));
        Channel::connect(&Address::Path(path), None, message::LARGEST_PACKET)
    }

    async fn until_served(&self, inode: u64) -> Channel {
        loop {
            match self.connect(inode) {
                Ok(channel) => return channel,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

fn pod(name: &str, membership: Membership) -> LocalPod {
    LocalPod {
        uid: format!("uid-{name}"),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        service_account: "web".to_owned(),
        addresses: Vec::new(),
        membership,
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_pod_is_captured_by_its_label_and_let_go_without() {
    let cluster = Cluster::start();
    cluster.kernel().add("/run/netns/web", 10);
    cluster.kernel().run("uid-web", &["/run/netns/web"]);
    cluster.say(&[pod("web", Membership::NotEnrolled), pod("elsewhere", Membership::NotEnrolled)]);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    cluster.until_captured("web", true).await;
    let status = cluster.agent.status("web").await.unwrap();
    assert_eq!((status.uid.as_str(), status.service_account.as_str()), ("uid-web", "web"));
    assert_eq!(status.netns.to_str(), Some("/run/netns/web"));
    cluster.say(&[pod("web", Membership::NotEnrolled)]);
    cluster.agent.until("web", |pod| pod.is_none()).await;
    assert!(cluster.agent.diary().contains(&"remove 10".to_owned()));
}

/// Its peers hear of the label at once. While it left they would be refused.
#[tokio::test(start_paused = true)]
async fn a_pod_that_gets_its_label_back_does_not_finish_leaving_first() {
    let folder = tempfile::tempdir().unwrap();
    let (agent, node) = (Agent::start(folder.path()), Node::with(folder.path(), false));
    let cluster = Cluster::with_node(folder, agent, node);
    cluster.kernel().add("/web", 10);
    cluster.kernel().run("uid-web", &["/web"]);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    cluster.until_captured("web", true).await;
    for _ in 0..5 {
        cluster.say(&[pod("web", Membership::NotEnrolled)]);
        cluster.until_captured("web", false).await;
        let begin = Instant::now();
        cluster.say(&[pod("web", Membership::Enrolled)]);
        cluster.until_captured("web", true).await;
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    }
    assert!(!cluster.agent.diary().contains(&"remove 10".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_sandbox_is_not_there_yet_is_captured_once_it_is() {
    let cluster = Cluster::start();
    cluster.say(&[pod("web", Membership::Enrolled)]);
    tokio::time::sleep(COMPARE_EVERY).await;
    assert_eq!(cluster.metrics.missing.get(), 0, "nothing of it runs");
    cluster.kernel().add("/run/netns/web", 10);
    cluster.kernel().fail("address");
    cluster.kernel().run("uid-web", &["/run/netns/web"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(cluster.agent.status("web").await.is_none(), "it has no address");
    while cluster.metrics.missing.get() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.kernel().succeed("address");
    cluster.until_captured("web", true).await;
    while cluster.metrics.missing.get() != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_without_the_pods_addresses_is_not_its_own() {
    let cluster = Cluster::start();
    for (path, inode, address) in [("/nested", 10, "172.17.0.2"), ("/own", 11, "10.0.0.1")] {
        cluster.kernel().add(path, inode);
        cluster.kernel().set_address(inode, address);
    }
    cluster.kernel().run("uid-web", &["/nested", "/own"]);
    let known = LocalPod { addresses: vec!["10.0.0.1".parse().unwrap()], ..pod("web", Membership::Enrolled) };
    cluster.say(&[known]);
    cluster.until_captured("web", true).await;
    assert_eq!(cluster.agent.status("web").await.unwrap().netns.to_str(), Some("/own"));
}

#[tokio::test(start_paused = true)]
async fn pods_that_ran_uncaptured_are_repaired_and_counted() {
    let cluster = Cluster::start();
    cluster.kernel().add("/web", 10);
    cluster.kernel().run("uid-web", &["/web"]);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    cluster.until_captured("web", true).await;
    cluster.synced.send_replace(Synced::Complete);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    while cluster.metrics.repaired.get() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(COMPARE_EVERY).await;
    cluster.kernel().add("/later", 11);
    cluster.kernel().run("uid-later", &["/later"]);
    cluster.say(&[pod("web", Membership::Enrolled), pod("later", Membership::Enrolled)]);
    cluster.until_captured("later", true).await;
    tokio::time::sleep(COMPARE_EVERY).await;
    assert_eq!((cluster.metrics.repaired.get(), cluster.metrics.missing.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_controller_does_not_speak_of_stays() {
    let cluster = Cluster::start();
    cluster.kernel().add("/web", 10);
    cluster.kernel().run("uid-web", &["/web"]);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    cluster.until_captured("web", true).await;
    cluster.say(&[]);
    cluster.synced.send_replace(Synced::Complete);
    tokio::time::sleep(COMPARE_EVERY * 3).await;
    let cluster = cluster.restart().await;
    tokio::time::sleep(COMPARE_EVERY * 3).await;
    assert!(cluster.agent.status("web").await.unwrap().captured);
}

#[tokio::test(start_paused = true)]
async fn node_proxies_are_served_in_their_own_namespaces_until_they_go() {
    let cluster = Cluster::start();
    cluster.kernel().add("/proxy", 20);
    cluster.kernel().run("uid-proxy", &["/proxy"]);
    assert!(cluster.connect(20).is_err());
    cluster.say(&[pod("proxy", Membership::NodeProxy)]);
    let channel = cluster.until_served(20).await;
    assert_eq!(cluster.metrics.node_proxies.get(), 1);
    assert!(cluster.agent.status("proxy").await.is_none(), "it is never enrolled");
    cluster.synced.send_replace(Synced::Complete);
    cluster.say(&[]);
    while channel.receive().await.is_ok_and(|packet| packet.is_some()) {}
    assert_eq!(cluster.metrics.node_proxies.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_serves_node_proxies_before_the_controller_has_spoken() {
    let cluster = Cluster::start();
    cluster.kernel().add("/proxy", 20);
    cluster.kernel().run("uid-proxy", &["/proxy"]);
    cluster.say(&[pod("proxy", Membership::NodeProxy)]);
    drop(cluster.until_served(20).await);
    let cluster = cluster.restart().await;
    cluster.until_served(20).await;
    cluster.kernel().delete("/proxy");
    while cluster.metrics.node_proxies.get() != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cluster = cluster.restart().await;
    tokio::time::sleep(COMPARE_EVERY).await;
    assert_eq!(cluster.metrics.node_proxies.get(), 0, "its namespace is gone");
}

#[tokio::test(start_paused = true)]
async fn an_uninstallation_lets_every_pod_go_for_good() {
    let cluster = Cluster::start();
    cluster.kernel().add("/web", 10);
    cluster.kernel().run("uid-web", &["/web"]);
    cluster.say(&[pod("web", Membership::Enrolled)]);
    cluster.until_captured("web", true).await;
    cluster.uninstall.request().await;
    cluster.agent.until("web", |pod| pod.is_none()).await;
    tokio::time::sleep(COMPARE_EVERY * 3).await;
    assert!(cluster.agent.status("web").await.is_none(), "it stays out");
}

#[tokio::test(start_paused = true)]
async fn an_uninstallation_begins_with_all_pods_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    let node = Node::start(folder.path());
    let (cluster, mut reconciler) = Cluster::idle(folder, agent, node);
    let names: Vec<String> = (0..AT_A_TIME + 8).map(|number| format!("pod-{number}")).collect();
    for (name, inode) in names.iter().zip(100..) {
        cluster.kernel().add(&format!("/{name}"), inode);
        cluster
            .agent
            .handle
            .enrol(&request(&pod(name, Membership::Enrolled), format!("/{name}").into()))
            .await
            .unwrap();
    }
    cluster.uninstall.request().await;
    reconciler.reconcile().await;
    assert_eq!(reconciler.tasks.len(), names.len());
}

#[tokio::test(start_paused = true)]
async fn so_many_pods_are_enrolled_at_a_time_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    let node = Node::start(folder.path());
    let (cluster, mut reconciler) = Cluster::idle(folder, agent, node);
    let names: Vec<String> = (0..AT_A_TIME + 8).map(|number| format!("pod-{number}")).collect();
    for (name, inode) in names.iter().zip(100..) {
        cluster.kernel().add(&format!("/{name}"), inode);
        cluster.kernel().run(&format!("uid-{name}"), &[&format!("/{name}")]);
    }
    cluster.say(&names.iter().map(|name| pod(name, Membership::Enrolled)).collect::<Vec<_>>());
    reconciler.reconcile().await;
    assert_eq!(reconciler.tasks.len(), AT_A_TIME);
    let reconciling = tokio::spawn(reconciler.run());
    for name in &names {
        cluster.until_captured(name, true).await;
    }
    reconciling.abort();
}

/// Else the attempts that are due would leave time no turn, and this test would not end.
#[tokio::test(start_paused = true)]
async fn a_pod_that_is_no_longer_sought_is_forgotten() {
    let cluster = Cluster::start();
    cluster.say(&[pod("web", Membership::Enrolled)]);
    tokio::time::sleep(COMPARE_EVERY).await;
    cluster.say(&[pod("web", Membership::NotEnrolled)]);
    tokio::time::sleep(COMPARE_EVERY * 5).await;
}

#[tokio::test(start_paused = true)]
async fn however_many_pods_are_sought_the_node_is_looked_through_once_a_second() {
    let cluster = Cluster::start();
    let mut sought = Vec::new();
    let begin = Instant::now();
    for number in 0..40 {
        sought.push(pod(&format!("pod-{number}"), Membership::Enrolled));
        cluster.say(&sought);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let looks = u64::try_from(cluster.kernel().looks()).unwrap();
    assert!((2..=begin.elapsed().as_secs() + 1).contains(&looks), "{looks}");
    cluster.kernel().add("/web", 10);
    cluster.kernel().run("uid-web", &["/web"]);
    sought.push(pod("web", Membership::Enrolled));
    cluster.say(&sought);
    let begin = Instant::now();
    cluster.until_captured("web", true).await;
    assert!(begin.elapsed() < LOOK_EVERY * 2, "a new Pod is found in the next look");
}
