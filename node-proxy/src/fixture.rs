//! For tests: Pods on loopback, with real sockets, real TLS and the agent's half of each conversation. Needs no
//! privilege.
//!
//! * [`Agent`] – offers Pods and opens sockets, as the agent does
//! * [`Authority`] – signs every request
//! * [`mesh`] – small configurations
//! * [`tunnel`] – a client and an application at the ends of a tunnel

mod agent;
mod authority;
pub(crate) mod mesh;
pub(crate) mod tunnel;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use karez_api::identity::Identity;
use karez_capture::netns::NamespaceId;
use karez_flow::{AccessLog, Metrics};
use karez_handover::pod::{EnrolledPod, PodReference, PodUid};
use karez_handover::stock;
use karez_hbone::accounts::Accounts;
use karez_hbone::member::Member;
use karez_link::Certificates;
use karez_link::certificates::State;
use karez_mesh::Mesh;
use karez_process::handshakes::HandshakeLimiter;
use karez_tunnel::window::{Budget, Limits};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assignment::WorkerAssignment;
use crate::pod::connection_quota::ProcessQuota;
use crate::pod::{NodeLocation, Pod};
use crate::stock::PodStock;
use crate::worker::{Load, Worker, WorkerConfig};

pub(crate) use agent::Agent;
pub(crate) use authority::Authority;

/// Longer than any expected event takes.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Names and addresses of the two Pods: all of 127.0.0.0/8 is loopback.
pub(crate) const WEB: (&str, [u8; 4]) = ("web", [127, 0, 0, 2]);
pub(crate) const API: (&str, [u8; 4]) = ("api", [127, 0, 0, 3]);

/// Clients that may be unproven at a time.
pub(crate) const HANDSHAKES: usize = 20;

/// The parts of Pods: an agent, and a signer of certificates.
pub(crate) struct Node {
    pub(crate) agent: Agent,
    pub(crate) certificates: Certificates,
    pub(crate) stock: stock::StockHandle,
    pub(crate) budget: Arc<Budget>,
    pub(crate) quota: Arc<ProcessQuota>,
    _tasks: JoinSet<()>,
}

impl Node {
    /// Call it inside a runtime.
    pub(crate) fn start() -> Self {
        let agent = Agent::start();
        let authority = Authority::new();
        // The sender may be dropped: the roots stay.
        let (_, bundles) = watch::channel(authority.bundles());
        let (certificates, renewals) = Certificates::new(bundles);
        let (stock, supplier) = stock::connect(agent.address(), None);
        let mut tasks = JoinSet::new();
        tasks.spawn(renewals.run(authority));
        tasks.spawn(supplier.run());
        let budget = Budget::new(Limits::default());
        Self { agent, certificates, stock, budget, quota: ProcessQuota::new(1000), _tasks: tasks }
    }

    /// A Pod with its certificate.
    pub(crate) async fn pod(&self, (name, address): (&str, [u8; 4])) -> Arc<Pod> {
        let identity = identity(name);
        let mut certificate = self.certificates.want(&identity);
        let ready = certificate.wait_for(|state| matches!(state, State::Ready { .. }));
        drop(tokio::time::timeout(WAIT_LIMIT, ready).await.unwrap().unwrap());
        let enrolled = enrolled(name, address);
        let local = location().local_pod(&enrolled);
        let stock = PodStock::new(enrolled.reference.clone(), self.stock.clone(), Handle::current());
        let (name, account) = (Arc::clone(&enrolled.name), self.budget.account());
        let member = Member { local, name, identity, certificate, account };
        Arc::new(Pod::new(enrolled.into(), member, stock, self.quota.of_pod(1, 100)))
    }
}

/// A Pod as the agent describes it.
pub(crate) fn enrolled(name: &str, address: [u8; 4]) -> EnrolledPod {
    let sandbox = NamespaceId { device: 4, inode: address[3].into() };
    let reference = PodReference { uid: PodUid::new(name).unwrap(), sandbox };
    EnrolledPod::new(reference, "shop", name, name, vec![IpAddr::from(address)]).unwrap()
}

/// The identity of a Pod's service account, which has the Pod's name.
pub(crate) fn identity(name: &str) -> Identity {
    Identity::new("cluster.local", "shop", name).unwrap()
}

pub(crate) fn location() -> NodeLocation {
    NodeLocation { cluster: mesh::CLUSTER.into(), node: mesh::NODE.into() }
}

/// A worker's config, and the sender of its assignment.
pub(crate) fn worker_config(
    mesh: watch::Receiver<Arc<Mesh>>,
) -> (WorkerConfig, watch::Sender<Arc<WorkerAssignment>>) {
    let (published, assignment) = watch::channel(Arc::new(WorkerAssignment::default()));
    let config = WorkerConfig {
        mesh,
        assignment,
        metrics: Arc::new(Metrics::new("karez", AccessLog::off())),
        accounts: Arc::new(Accounts::new(Budget::new(Limits::default()))),
        handshakes: HandshakeLimiter::new(HANDSHAKES),
        dns: Arc::default(),
        dns_limits: karez_dns::resolver::ResolverLimits::default(),
        load: Arc::new(Load::default()),
    };
    (config, published)
}

/// A worker without a thread: the test makes the thread's calls.
pub(crate) fn worker(mesh: &Arc<Mesh>) -> Rc<Worker> {
    let (_, followed) = watch::channel(Arc::clone(mesh));
    let (config, _) = worker_config(followed);
    Rc::new(Worker::new(&config))
}
