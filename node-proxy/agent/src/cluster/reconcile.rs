//! Makes what is enrolled what the controller says, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use karez_handover::enrol::{PodRequest, PodStatus};
use karez_link::discovery::{LocalPod, LocalPods, LocalPodsView, Membership, Synced};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::cluster::attempts::Attempts;
use crate::cluster::metrics::ClusterMetrics;
use crate::cluster::node_proxies::NodeProxies;
use crate::cluster::plan::{self, Plan, plan};
use crate::cluster::uninstall::Uninstall;
use crate::context::AgentContext;
use crate::enrolment::{EnrolmentHandle, RequestError};
use crate::kernel::{Kernel, KernelError};
use crate::pods::Refused;
use crate::processes::FoundNamespace;
use crate::registry::PodName;

/// How often all is compared, though nothing has been heard: a Pod that has left comes back, a node proxy ends.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// The node's processes are looked through so often at most, however many Pods are sought.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pods that are enrolled at a time. Releases wait for connections most of the time, and begin at once: a Pod that is in the mesh
/// when all others are out is spoken to in plaintext.
const AT_A_TIME: usize = 32;

/// Brings enrolment after the controller's view of the node.
#[derive(Debug)]
pub struct Reconciler<K: Kernel> {
    context: Arc<AgentContext<K>>,
    handle: EnrolmentHandle<K>,
    view: LocalPodsView,
    node_proxies: NodeProxies<K>,
    metrics: ClusterMetrics,
    attempts: Attempts,
    /// The latest of `tasks` for each uid.
    busy: BTreeMap<String, Work>,
    tasks: JoinSet<Finished>,
    /// Pods that were not captured when the agent started.
    found_uncaptured: BTreeSet<String>,
    has_compared_all: bool,
    /// Pods that had no process yet when one was last looked for: they send nothing that could be captured.
    without_sandbox: BTreeSet<String>,
    uninstall: Uninstall,
    /// When the node's processes may be looked through again.
    next_look: Instant,
    /// Somebody is to be sought then.
    waits_for_look: bool,
}

/// The end of the work on one Pod.
#[derive(Debug)]
struct Finished {
    uid: String,
    pod: PodName,
    work: Work,
    outcome: Result<(), RequestError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Enrol,
    Release,
}

impl<K: Kernel> Reconciler<K> {
    /// Enrols by `handle` what `view` says, and serves `node_proxies`; lets all go once `uninstall` is asked for.
    #[must_use]
    pub fn new(
        context: Arc<AgentContext<K>>,
        handle: EnrolmentHandle<K>,
        view: LocalPodsView,
        node_proxies: NodeProxies<K>,
        metrics: ClusterMetrics,
        uninstall: Uninstall,
    ) -> Self {
        Self {
            context,
            handle,
            view,
            node_proxies,
            metrics,
            attempts: Attempts::default(),
            busy: BTreeMap::new(),
            tasks: JoinSet::new(),
            found_uncaptured: BTreeSet::new(),
            has_compared_all: false,
            without_sandbox: BTreeSet::new(),
            uninstall,
            next_look: Instant::now(),
            waits_for_look: false,
        }
    }

    /// Runs until discovery has ended.
    pub async fn run(mut self) {
        self.node_proxies.restore().await;
        let mut comparisons = interval(COMPARE_EVERY);
        comparisons.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (uninstall, mut is_uninstalling) = (self.uninstall.clone(), false);
        loop {
            let next_attempt = self.next_attempt();
            tokio::select! {
                changed = self.view.pods.changed() => if changed.is_err() {
                    return;
                },
                Some(finished) = self.tasks.join_next() => match finished {
                    Ok(finished) => self.note(finished),
                    // Its Pod stays busy: what panics once would again.
                    Err(error) => tracing::error!(%error, "the work on a Pod ended before its time"),
                },
                () = until(next_attempt) => {}
                () = uninstall.requested(), if !is_uninstalling => is_uninstalling = true,
                _ = comparisons.tick() => {}
            }
            self.reconcile().await;
        }
    }

    async fn reconcile(&mut self) {
        // The agent is about to end.
        let Ok(enrolled) = self.handle.list().await else { return };
        let pods = Arc::clone(&self.view.pods.borrow_and_update());
        let plan = match self.uninstall.is_due(self.is_announcement_awaited(&pods)) {
            true => plan::release_all(&pods, &enrolled.pods),
            false => plan(&pods, &enrolled.pods, |uid| self.busy.get(uid) == Some(&Work::Release)),
        };
        self.note_uncaptured(&plan);
        self.attempts.retain(|uid| plan.concerns(uid));
        for (uid, pod) in plan.release {
            self.release(&uid, pod);
        }
        for (pod, status) in plan.change {
            self.change(&pod, &status);
        }
        let is_complete = *self.view.synced.borrow() == Synced::Complete;
        self.node_proxies.keep(|uid| plan.node_proxies.contains(uid) || !is_complete).await;
        let new: Vec<String> = plan.enrol.iter().map(|pod| pod.uid.clone()).collect();
        self.find_and_serve(&pods, plan.enrol, &plan.node_proxies).await;
        self.without_sandbox.retain(|uid| pods.contains_key(uid));
        let running = new.iter().filter(|uid| !self.without_sandbox.contains(*uid)).count();
        self.metrics.missing.set(i64::try_from(plan.uncaptured + running).unwrap_or(i64::MAX));
    }

    /// Whether the controller is there, and still says that some Pod is in the mesh.
    fn is_announcement_awaited(&self, pods: &LocalPods) -> bool {
        self.view.status.borrow().connected && pods.values().any(|pod| pod.membership == Membership::Enrolled)
    }

    /// Until all Pods have been compared once, those that are not captured were so before the agent started.
    fn note_uncaptured(&mut self, plan: &Plan) {
        if self.has_compared_all {
            return;
        }
        self.found_uncaptured.extend(plan.enrol.iter().map(|pod| pod.uid.clone()));
        self.has_compared_all = *self.view.synced.borrow() == Synced::Complete;
    }

    async fn find_and_serve(
        &mut self,
        pods: &Arc<LocalPods>,
        enrol: Vec<LocalPod>,
        node_proxies: &BTreeSet<String>,
    ) {
        let enrol: Vec<LocalPod> =
            enrol.into_iter().filter(|pod| self.has_room() && self.is_due(&pod.uid)).collect();
        let unserved: Vec<String> =
            self.node_proxies.unserved(node_proxies).filter(|uid| self.is_due(uid)).collect();
        let wanted: BTreeSet<String> = enrol.iter().map(|pod| &pod.uid).chain(&unserved).cloned().collect();
        self.waits_for_look = !wanted.is_empty() && Instant::now() < self.next_look;
        if wanted.is_empty() || self.waits_for_look {
            return;
        }
        self.next_look = Instant::now() + LOOK_EVERY;
        let (pods, sought) = (Arc::clone(pods), wanted.clone());
        let mut found =
            match self.context.blocking(move |context| find(&context.kernel, &pods, &sought)).await {
                Ok(found) => {
                    let (running, without): (BTreeSet<_>, _) =
                        wanted.into_iter().partition(|uid| found.contains_key(uid));
                    self.without_sandbox.retain(|uid| !running.contains(uid));
                    self.without_sandbox.extend(without);
                    found
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look for Pods: the agent keeps trying");
                    BTreeMap::new()
                }
            };
        for uid in unserved {
            let served = match found.remove(&uid) {
                Some(found) => self.node_proxies.serve(&uid, found).await.map_err(|error| error.to_string()),
                None => Err(NO_SANDBOX.to_owned()),
            };
            match served {
                Ok(()) => self.attempts.succeed(&uid),
                Err(reason) => self.fail(&uid, "node proxy not served", reason),
            }
        }
        for pod in enrol {
            match found.remove(&pod.uid) {
                // Its turn comes when the work on others has ended.
                Some(_) if !self.has_room() => {}
                Some(found) => self.enrol(&pod, found),
                None => self.fail(&pod.uid, "Pod not captured", NO_SANDBOX.to_owned()),
            }
        }
    }

    fn enrol(&mut self, pod: &LocalPod, found: FoundNamespace) {
        let request = request(pod, found.path);
        let handle = self.handle.clone();
        self.start(&pod.uid, PodName::new(&pod.namespace, &pod.name), Work::Enrol, async move {
            handle.capture(&request, found.id).await
        });
    }

    fn change(&mut self, pod: &LocalPod, status: &PodStatus) {
        // A release gives way: it may take long, and the Pod is announced to its peers again.
        let is_leaving = self.busy.get(&pod.uid) == Some(&Work::Release);
        if !self.has_room() || !(is_leaving || self.is_due(&pod.uid)) {
            return;
        }
        let request = request(pod, status.netns.clone());
        let handle = self.handle.clone();
        self.start(&pod.uid, PodName::new(&pod.namespace, &pod.name), Work::Enrol, async move {
            handle.enrol(&request).await.map(drop)
        });
    }

    fn release(&mut self, uid: &str, pod: PodName) {
        if !self.is_due(uid) {
            return;
        }
        let (handle, name, only) = (self.handle.clone(), pod.clone(), uid.to_owned());
        self.start(uid, pod, Work::Release, async move {
            match handle.release(name, &only).await {
                // It has ended meanwhile.
                Err(RequestError::Refused(Refused::Unknown(_))) => Ok(()),
                // The Pod's view tells of a problem, and its task keeps trying.
                removed => removed.map(drop),
            }
        });
    }

    fn start(
        &mut self,
        uid: &str,
        pod: PodName,
        work: Work,
        task: impl Future<Output = Result<(), RequestError>> + Send + 'static,
    ) {
        let uid = uid.to_owned();
        self.busy.insert(uid.clone(), work);
        self.tasks.spawn(async move { Finished { uid, pod, work, outcome: task.await } });
    }

    fn note(&mut self, finished: Finished) {
        let Finished { uid, pod, work, outcome } = finished;
        if self.busy.get(&uid) == Some(&work) {
            self.busy.remove(&uid);
        }
        match outcome {
            Ok(()) => {
                self.attempts.succeed(&uid);
                if work == Work::Enrol && self.found_uncaptured.remove(&uid) {
                    tracing::info!(%pod, uid, "it ran uncaptured when the agent started, and is captured now");
                    self.metrics.repaired.inc();
                }
            }
            Err(error) => self.fail(&uid, work.failed(), error.to_string()),
        }
    }

    fn fail(&mut self, uid: &str, what: &str, reason: String) {
        let told = reason.clone();
        // A Pod that starts has no process for a while.
        let worth_telling = if reason == NO_SANDBOX { PATIENT_ATTEMPTS } else { 1 };
        if self.attempts.fail(uid, reason, Instant::now(), fastrand::u64(..)) == worth_telling {
            tracing::warn!(uid, reason = told, "{what}: the agent keeps trying");
        }
    }

    fn is_due(&self, uid: &str) -> bool {
        !self.busy.contains_key(uid) && self.attempts.is_due(uid, Instant::now())
    }

    fn has_room(&self) -> bool {
        self.busy.values().filter(|work| **work == Work::Enrol).count() < AT_A_TIME
    }

    /// `None` while the end of some work has to come first.
    fn next_attempt(&self) -> Option<Instant> {
        if !self.has_room() {
            return None;
        }
        let due = self.attempts.next_due(|uid| !self.busy.contains_key(uid));
        // Most attempts begin with a look.
        let due = due.map(|due| due.max(self.next_look));
        due.or(self.waits_for_look.then_some(self.next_look))
    }
}

const NO_SANDBOX: &str = "no process of it runs on this node yet";
/// After so many attempts, some 20 s, a Pod without a process is told of.
const PATIENT_ATTEMPTS: u32 = 9;

impl Work {
    fn failed(self) -> &'static str {
        match self {
            Self::Enrol => "Pod not captured",
            Self::Release => "Pod not released",
        }
    }
}

fn request(pod: &LocalPod, netns: std::path::PathBuf) -> PodRequest {
    PodRequest {
        uid: Some(pod.uid.clone()),
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        service_account: pod.service_account.clone(),
        netns,
        // Not those of the namespace: with NET_ADMIN what runs there gives itself any, such as the API server's. It has not run
        // yet when the API server knows none.
        addresses: pod.addresses.clone(),
    }
}

/// The namespaces of these Pods. Blocks.
fn find<K: Kernel>(
    kernel: &K,
    pods: &LocalPods,
    uids: &BTreeSet<String>,
) -> Result<BTreeMap<String, FoundNamespace>, KernelError> {
    let found = kernel.find(uids)?.into_iter().filter_map(|(uid, namespaces)| {
        let addresses = pods.get(&uid).map_or([].as_slice(), |pod| &pod.addresses);
        let own = namespaces.into_iter().find(|namespace| is_own(kernel, namespace, addresses));
        Some((uid, own?))
    });
    Ok(found.collect())
}

/// Whether a namespace is the Pod's own: what runs in a Pod may have made others for itself, without its addresses.
fn is_own<K: Kernel>(kernel: &K, namespace: &FoundNamespace, addresses: &[IpAddr]) -> bool {
    if addresses.is_empty() {
        return true;
    }
    let opened = kernel.open(&namespace.path);
    let there = opened.and_then(|sandbox| kernel.addresses(&sandbox)).unwrap_or_default();
    addresses.iter().any(|address| there.contains(address))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
