use std::net::{SocketAddr, TcpListener as StdListener};

use karez_handover::agent::{ProxyStanding, Supply};
use karez_handover::listener::{Family, Listener, Listening, Role};
use karez_link::Bundles;
use karez_link::discovery::Status;
use karez_mesh::Mesh;
use karez_process::drain::{self, Trigger};
use karez_process::readiness::Readiness;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use super::*;
use crate::fixture::tunnel::{Client, echoes, is_reset, serve_echo};
use crate::fixture::{self, API, Node, WAIT_LIMIT};
use crate::worker_thread::{self, Thread};

const HBONE: Role = Role { kind: Listening::Hbone, family: Family::V4 };

/// A node proxy with one worker, whose agent and configuration the test controls.
struct NodeProxy {
    node: Node,
    mesh: watch::Sender<Arc<Mesh>>,
    summary: watch::Receiver<NodeSummary>,
    application: SocketAddr,
    _trigger: Trigger,
    _tasks: JoinSet<()>,
    _worker: Thread,
}

impl NodeProxy {
    async fn start() -> Self {
        let node = Node::start();
        let (mesh, mesh_view) = watch::channel(fixture::mesh::open());
        let view = DiscoveryView {
            mesh: mesh_view.clone(),
            synced: watch::channel(Synced::Complete).1,
            bundles: watch::channel(Bundles::default()).1,
            status: watch::channel(Status::default()).1,
        };
        let (config, assignment) = fixture::worker_config(mesh_view);
        let worker = worker_thread::start(0, config).unwrap();
        let factory = PodFactory {
            location: fixture::location(),
            certificates: node.certificates.clone(),
            stock: node.stock.clone(),
            budget: Arc::clone(&node.budget),
            quota: Arc::clone(&node.quota),
            most_connections: 100,
            workers: 1,
        };
        let (pods, summary) = Pods::new(factory, view, assignment);
        let agent = AgentConnection::new(node.agent.address().clone(), None, "a test".to_owned());
        let (trigger, drain) = drain::new();
        let snapshot = Readiness::new().condition("pods");
        let mut tasks = JoinSet::new();
        tasks.spawn(pods.run(agent, snapshot, drain));
        let application = serve_echo().await;
        Self { node, mesh, summary, application, _trigger: trigger, _tasks: tasks, _worker: worker }
    }

    /// Enrols the Pod `api`. Returns the address of its tunnels.
    fn enrol(&self) -> SocketAddr {
        let socket = StdListener::bind(SocketAddr::from((API.1, 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let listener = Listener { role: HBONE, descriptor: Arc::new(socket.into()) };
        let supply = Supply::Listeners { listeners: Arc::new([listener]), handed: false };
        let pod = fixture::enrolled(API.0, API.1);
        self.node.agent.roster.with(|roster| roster.offer(pod, vec![HBONE], supply));
        address
    }

    fn reference() -> PodReference {
        fixture::enrolled(API.0, API.1).reference
    }

    async fn stands(&self, wanted: ProxyStanding) {
        let reference = Self::reference();
        let stands = self.node.agent.roster.wait(|roster| {
            roster.standings(&reference).any(|(_, standing)| *standing == wanted).then_some(())
        });
        tokio::time::timeout(WAIT_LIMIT, stands).await.unwrap();
    }

    /// A connection of `web` to the application of `api`.
    async fn connect(&self, client: &Client, to: SocketAddr) -> TcpStream {
        client.connect(to, self.application).await.unwrap()
    }
}

async fn run(test: impl AsyncFnOnce(NodeProxy, Client)) {
    let test = async {
        let proxy = NodeProxy::start().await;
        let client = Client::of(&proxy.node).await;
        test(proxy, client).await;
    };
    tokio::time::timeout(WAIT_LIMIT, LocalSet::new().run_until(test)).await.unwrap();
}

#[tokio::test]
async fn a_pod_is_carried_until_it_is_removed_and_gone_when_all_of_it_is_closed() {
    run(async |proxy, client| {
        let hbone = proxy.enrol();
        proxy.stands(ProxyStanding::Carrying).await;
        let mut open = proxy.connect(&client, hbone).await;
        assert!(echoes(&mut open).await);

        let reference = NodeProxy::reference();
        proxy.node.agent.roster.with(|roster| roster.withdraw(&reference));
        assert!(is_reset(&mut open).await);
        let gone = proxy.node.agent.roster.wait(|roster| roster.is_gone(&reference).then_some(()));
        gone.await;
        let mut summary = proxy.summary.clone();
        assert!(summary.wait_for(|summary| summary.pods.is_empty()).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_pod_is_kept_while_the_agent_restarts() {
    run(async |mut proxy, client| {
        let hbone = proxy.enrol();
        proxy.stands(ProxyStanding::Carrying).await;
        let mut open = proxy.connect(&client, hbone).await;
        assert!(echoes(&mut open).await);

        proxy.node.agent.restart().await;
        let mut summary = proxy.summary.clone();
        assert!(summary.wait_for(|summary| summary.agent_connected).await.is_ok());
        proxy.stands(ProxyStanding::Carrying).await;
        assert!(echoes(&mut open).await);
        assert!(echoes(&mut proxy.connect(&client, hbone).await).await);
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_is_to_leave_is_released_when_its_last_connection_has_ended() {
    run(async |proxy, client| {
        let hbone = proxy.enrol();
        proxy.stands(ProxyStanding::Carrying).await;
        let mut open = proxy.connect(&client, hbone).await;
        let reference = NodeProxy::reference();
        proxy.node.agent.roster.with(|roster| roster.stop(&reference));
        proxy.stands(ProxyStanding::Stopping).await;
        assert!(echoes(&mut open).await, "what is open goes on");
        drop(open);
        proxy.stands(ProxyStanding::Released).await;
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_was_to_leave_and_stays_keeps_what_is_open_and_takes_more() {
    run(async |proxy, client| {
        let hbone = proxy.enrol();
        proxy.stands(ProxyStanding::Carrying).await;
        let mut open = proxy.connect(&client, hbone).await;
        let reference = NodeProxy::reference();
        proxy.node.agent.roster.with(|roster| roster.stop(&reference));
        proxy.stands(ProxyStanding::Stopping).await;
        proxy.node.agent.roster.with(|roster| roster.resume(&reference));
        proxy.stands(ProxyStanding::Carrying).await;
        assert!(echoes(&mut open).await, "what is open goes on");
        assert!(echoes(&mut proxy.connect(&client, hbone).await).await);
    })
    .await;
}

#[tokio::test]
async fn a_workers_thread_follows_the_policies() {
    run(async |proxy, client| {
        let hbone = proxy.enrol();
        proxy.stands(ProxyStanding::Carrying).await;
        let mut open = proxy.connect(&client, hbone).await;
        assert!(echoes(&mut open).await);
        proxy.mesh.send_replace(fixture::mesh::closed());
        assert!(is_reset(&mut open).await);
    })
    .await;
}

/// Istio's control plane sends no settings: the trust domain comes with the Pod's workload.
#[tokio::test]
async fn a_pod_waits_for_its_trust_domain_and_is_carried_under_it() {
    run(async |proxy, _client| {
        proxy.mesh.send_replace(Arc::default());
        proxy.enrol();
        let mut summary = proxy.summary.clone();
        let waits =
            |summary: &NodeSummary| summary.pods.iter().any(|pod| pod.problem == UNKNOWN_TRUST_DOMAIN);
        assert!(summary.wait_for(waits).await.is_ok());

        proxy.mesh.send_replace(fixture::mesh::open_under("mesh.example"));
        proxy.stands(ProxyStanding::Carrying).await;
        let reports = proxy.node.certificates.reports();
        let carried: Vec<_> = reports.iter().filter(|report| report.identity.ends_with("/sa/api")).collect();
        assert_eq!(carried.len(), 1, "{reports:?}");
        assert_eq!(carried[0].identity, "spiffe://mesh.example/ns/shop/sa/api");
    })
    .await;
}
