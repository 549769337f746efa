use std::path::Path;
use std::time::Duration;

use karez_handover::enrol::{PodRequest, PodStatus};
use karez_handover::listener::Listeners;
use karez_handover::message::PodState;
use karez_handover::node::{AgentConnection, PodEvent};
use karez_handover::pod::{EnrolledPod, NamespaceId, PodUid};
use karez_handover::{Address, stock};
use prometheus_client::metrics::counter::Counter;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::super::*;
use crate::enrolment::{EnrolmentHandle, RequestError};
use crate::kernel::ServedBy;
use crate::kernel::fake::Fake;
use crate::probes::ProbedPods;
use crate::proxies;
use crate::record::Openings;
use crate::restore::restore;
use crate::store::Store;

const OPENINGS: Openings = Openings { ipv6: false, dns: true };

/// An agent with a made-up kernel. Its folder and the node proxies outlive it.
pub(crate) struct Agent {
    pub(crate) context: Arc<AgentContext<Fake>>,
    pub(crate) handle: EnrolmentHandle<Fake>,
    tasks: JoinSet<()>,
}

impl Agent {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, Fake::default(), ServedBy::Karez)
    }

    pub(crate) fn with(folder: &Path, kernel: Fake, served_by: ServedBy) -> Self {
        let store = Store::open(folder).unwrap();
        let context = Arc::new(AgentContext::new(kernel, store, served_by, ProbedPods::new().0));
        let pods = restore(&context).unwrap();
        let (sender, requests) = mpsc::channel(8);
        let handle = EnrolmentHandle::new(Arc::clone(&context), OPENINGS, sender);
        let mut tasks = JoinSet::new();
        tasks.spawn(pods.run(requests));
        let uid = own_uid(folder);
        let listener = proxies::listen(&address(folder)).unwrap();
        tasks.spawn(proxies::serve_pods(listener, uid, Arc::clone(&context)));
        let listener = proxies::listen(&stock::address(&address(folder))).unwrap();
        let source = Arc::new(proxies::Source::new(Arc::clone(&context), Counter::default()));
        tasks.spawn(proxies::serve_stock(listener, uid, source));
        Self { context, handle, tasks }
    }

    /// Ends the agent as SIGTERM does, and starts another one over the same kernel.
    pub(crate) async fn restart(mut self, folder: &Path) -> Self {
        self.tasks.shutdown().await;
        drop(self.handle);
        // The Pods' tasks end one by one.
        while Arc::strong_count(&self.context) > 1 {
            tokio::task::yield_now().await;
        }
        let kernel = Arc::into_inner(self.context).unwrap().kernel;
        Self::with(folder, kernel, ServedBy::Karez)
    }

    pub(crate) async fn enrol(&self, name: &str, path: &str) -> Result<PodStatus, RequestError> {
        self.handle.enrol(&request(name, path)).await.map(|enrolment| enrolment.pod)
    }

    pub(crate) async fn status(&self, name: &str) -> Option<PodStatus> {
        let pods = self.handle.list().await.unwrap().pods;
        pods.into_iter().find(|pod| pod.name == name)
    }

    /// Waits until what is seen of a Pod is as it should be.
    pub(crate) async fn until(
        &self,
        name: &str,
        is: impl Fn(Option<&PodStatus>) -> bool,
    ) -> Option<PodStatus> {
        loop {
            let status = self.status(name).await;
            if is(status.as_ref()) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn records(&self) -> usize {
        self.context.store.load().unwrap().0.len()
    }

    pub(crate) fn diary(&self) -> Vec<String> {
        self.context.kernel.diary()
    }
}

pub(crate) fn request(name: &str, path: &str) -> PodRequest {
    PodRequest {
        uid: Some(format!("uid-{name}")),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        service_account: "default".to_owned(),
        netns: path.into(),
        addresses: Vec::new(),
    }
}

fn own_uid(folder: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(folder).unwrap().uid()
}

pub(crate) fn address(folder: &Path) -> Address {
    Address::Path(folder.join("node.sock"))
}

/// What a node proxy has been told, in order.
pub(crate) type Told = Arc<std::sync::Mutex<Vec<String>>>;

/// A node proxy that does as it is told, or is slow to let go.
pub(crate) struct Node {
    pub(crate) told: Told,
    pub(crate) orders: mpsc::Sender<(PodReference, bool)>,
    task: tokio::task::JoinHandle<()>,
}

impl Node {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, true)
    }

    pub(crate) fn with(folder: &Path, lets_go: bool) -> Self {
        let mut agent = AgentConnection::new(address(folder), None, "karez-node".to_owned());
        let told = Told::default();
        let seen = Arc::clone(&told);
        let (orders, mut strict) = mpsc::channel::<(PodReference, bool)>(8);
        let task = tokio::spawn(async move {
            let mut held: Vec<(Arc<EnrolledPod>, Listeners)> = Vec::new();
            loop {
                let event = tokio::select! {
                    event = agent.next() => event,
                    Some((pod, strict)) = strict.recv() => {
                        agent.strictness(&pod, strict);
                        continue;
                    }
                };
                let note = |what: &str, pod: &EnrolledPod| {
                    seen.lock().unwrap().push(format!("{what} {}", pod.reference.sandbox.inode));
                };
                match event {
                    PodEvent::Added(pod, listeners) => {
                        note("added", &pod);
                        agent.report(&pod.reference, PodState::Carrying);
                        held.push((pod, listeners));
                    }
                    PodEvent::Stopping(pod) => {
                        note("stopping", &pod);
                        if lets_go {
                            agent.report(&pod.reference, PodState::Released);
                        }
                    }
                    PodEvent::Resumed(pod) => {
                        note("resumed", &pod);
                        agent.report(&pod.reference, PodState::Carrying);
                    }
                    PodEvent::Removed(pod) => {
                        note("removed", &pod);
                        held.retain(|(held, _)| held.reference != pod.reference);
                        if lets_go {
                            agent.report(&pod.reference, PodState::Gone);
                        }
                    }
                    PodEvent::Connected | PodEvent::SnapshotSent | PodEvent::Disconnected => {}
                }
            }
        });
        Self { told, orders, task }
    }

    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn reference(name: &str, inode: u64) -> PodReference {
    let sandbox = NamespaceId { device: 4, inode };
    PodReference { uid: PodUid::new(&format!("uid-{name}")).unwrap(), sandbox }
}

/// An agent and a node proxy, with `/web` being a namespace.
pub(crate) fn world() -> (TempDir, Agent, Node) {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let node = Node::start(folder.path());
    (folder, agent, node)
}
