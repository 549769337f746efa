//! The node's Pods, from handover until they have left. Only this module publishes the workers' assignment.

mod closing;
mod entry;
mod readiness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use karez_api::identity::Identity;
use karez_api::operator::PodReport;
use karez_handover::listener::Listeners;
use karez_handover::message::PodState;
use karez_handover::node::{AgentConnection, PodEvent};
use karez_handover::pod::{EnrolledPod, PodReference};
use karez_handover::stock::StockHandle;
use karez_hbone::member::Member;
use karez_link::Certificates;
use karez_link::discovery::{DiscoveryView, Synced};
use karez_mesh::Mesh;
use karez_process::drain::Drain;
use karez_process::readiness::Condition;
use karez_tunnel::window::Budget;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::assignment::{CarriedPod, WorkerAssignment};
use crate::pod::connection_quota::ProcessQuota;
use crate::pod::{NodeLocation, Pod};
use crate::stock::PodStock;

use closing::Closing;
use entry::{PodEntry, PodStage, StopCause, Wait};

/// How often finished Pods are reported.
const TICK: Duration = Duration::from_millis(250);
/// How often spare sockets are closed: rarely, so that an occasional connection still finds one.
const TRIM: Duration = Duration::from_secs(15);

/// Why a Pod waits under Istio's control plane: only the Pod's workload names its trust domain.
const UNKNOWN_TRUST_DOMAIN: &str = "the controller has sent neither the mesh's settings nor a workload of this Pod's name and address: its trust \
     domain is unknown";

/// Builds Pods from the parts that all of them use.
#[derive(Debug)]
pub(crate) struct PodFactory {
    /// The node's names.
    pub(crate) location: NodeLocation,
    /// Obtains their certificates.
    pub(crate) certificates: Certificates,
    /// Obtains their sockets.
    pub(crate) stock: StockHandle,
    /// Limits the bytes that they leave unread.
    pub(crate) budget: Arc<Budget>,
    /// Connection slots of all Pods.
    pub(crate) quota: Arc<ProcessQuota>,
    /// Connection limit of one Pod.
    pub(crate) most_connections: usize,
    /// Workers that poll each of their listeners.
    pub(crate) workers: usize,
}

/// The node's Pods.
#[derive(Debug)]
pub(crate) struct Pods {
    factory: PodFactory,
    view: DiscoveryView,
    /// Publishes the workers' assignment.
    assignment: watch::Sender<Arc<WorkerAssignment>>,
    pods: BTreeMap<PodReference, PodEntry>,
    closing: Closing,
    is_connected: bool,
    is_draining: bool,
    trimmed: Instant,
    summary: watch::Sender<NodeSummary>,
}

/// The node's part of the report to the controller.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct NodeSummary {
    /// Whether the agent is connected.
    pub(crate) agent_connected: bool,
    /// Every Pod, with its state.
    pub(crate) pods: Vec<PodReport>,
}

impl Pods {
    pub(crate) fn new(
        factory: PodFactory,
        view: DiscoveryView,
        assignment: watch::Sender<Arc<WorkerAssignment>>,
    ) -> (Self, watch::Receiver<NodeSummary>) {
        let (summary, receiver) = watch::channel(NodeSummary::default());
        let pods = Self {
            factory,
            view,
            assignment,
            pods: BTreeMap::new(),
            closing: Closing::default(),
            is_connected: false,
            is_draining: false,
            trimmed: Instant::now(),
            summary,
        };
        (pods, receiver)
    }

    /// Follows the agent, the configuration and the certificates. Returns when the drain is over, or earlier when it
    /// has begun and no connection is left.
    pub(crate) async fn run(mut self, mut agent: AgentConnection, snapshot: Condition, drain: Drain) {
        let mut certificates = self.factory.certificates.changes();
        let mut synced = self.view.synced.clone();
        let mut mesh = self.view.mesh.clone();
        let mut tick = tokio::time::interval(TICK);
        let over = drain.over();
        tokio::pin!(over);
        loop {
            tokio::select! {
                event = agent.next() => self.handle(event, &mut agent, &snapshot),
                closed = self.closing.next() => self.closed(&closed, &mut agent),
                Ok(()) = certificates.changed() => {}
                Ok(()) = synced.changed() => self.report_strictness(&mut agent),
                Ok(()) = mesh.changed() => self.report_strictness(&mut agent),
                _ = tick.tick() => self.check_pods(&mut agent),
                () = drain.started(), if !self.is_draining => self.begin_drain(),
                () = &mut over => return,
            }
            self.start_carrying(&mut agent);
            self.publish_summary();
            if self.is_draining && self.is_idle() {
                return;
            }
        }
    }

    fn handle(&mut self, event: PodEvent, agent: &mut AgentConnection, snapshot: &Condition) {
        readiness::follow(&event, snapshot);
        match event {
            PodEvent::Connected => self.is_connected = true,
            PodEvent::Disconnected => self.is_connected = false,
            PodEvent::SnapshotSent => {}
            PodEvent::Added(pod, listeners) => self.add(pod, listeners, agent),
            PodEvent::Stopping(pod) => self.stop(&pod.reference),
            PodEvent::Resumed(pod) => self.resume(&pod.reference, agent),
            PodEvent::Removed(pod) => self.remove(&pod.reference, agent),
        }
    }

    /// Stops carrying the Pod. Reports it gone once the workers have closed its sockets: at once if they have none.
    fn remove(&mut self, reference: &PodReference, agent: &mut AgentConnection) {
        let entry = self.pods.remove(reference);
        match entry.as_ref().and_then(PodEntry::pod) {
            Some(pod) => {
                pod.leave();
                self.closing.add(reference.clone(), pod.closed());
            }
            // The Pod has returned while its earlier instance is closing, and `closed` reports it then.
            None if self.closing.contains(reference) => {}
            None => agent.report(reference, PodState::Gone),
        }
        drop(entry);
        self.publish_assignment();
    }

    /// The Pod's last socket is closed. A Pod that has returned since is not gone.
    fn closed(&self, reference: &PodReference, agent: &mut AgentConnection) {
        if !self.pods.contains_key(reference) {
            agent.report(reference, PodState::Gone);
        }
    }

    fn add(&mut self, enrolled: Arc<EnrolledPod>, listeners: Listeners, agent: &mut AgentConnection) {
        let reference = enrolled.reference.clone();
        tracing::info!(pod = %enrolled, listeners = listeners.len(), "Pod handed over");
        self.pods.insert(reference.clone(), PodEntry::new(enrolled, listeners));
        self.publish_assignment();
        self.report_strictness(agent);
    }

    /// Carries every waiting Pod whose certificate has arrived, once the configuration has. Reports why the others
    /// wait.
    fn start_carrying(&mut self, agent: &mut AgentConnection) {
        if *self.view.synced.borrow() != Synced::Complete || self.is_draining {
            return;
        }
        let mesh = Arc::clone(&self.view.mesh.borrow());
        let mut is_changed = false;
        for entry in self.pods.values_mut() {
            let PodStage::Waiting(wait) = &mut entry.stage else { continue };
            let state = match self.factory.build(&entry.enrolled, entry.listeners.len(), wait, &mesh) {
                Ok(pod) => {
                    entry.stage = PodStage::Carrying(Arc::new(pod));
                    is_changed = true;
                    PodState::Carrying
                }
                Err(problem) => {
                    wait.problem.clone_from(&problem);
                    PodState::Waiting(problem)
                }
            };
            agent.report(&entry.enrolled.reference, state);
        }
        if is_changed {
            self.publish_assignment();
        }
    }

    /// Starts no more connections of the Pod. It is released once its connections have ended.
    fn stop(&mut self, reference: &PodReference) {
        if let Some(entry) = self.pods.get_mut(reference) {
            entry.stop(StopCause::Leaving);
        }
        self.publish_assignment();
    }

    /// Carries a stopping Pod again, and what it has open goes on.
    fn resume(&mut self, reference: &PodReference, agent: &mut AgentConnection) {
        if self.is_draining {
            return;
        }
        if let Some(entry) = self.pods.get_mut(reference)
            && entry.resume()
        {
            agent.report(reference, PodState::Carrying);
        }
        self.publish_assignment();
    }

    fn begin_drain(&mut self) {
        self.is_draining = true;
        for entry in self.pods.values_mut() {
            entry.stop(StopCause::Draining);
        }
        self.publish_assignment();
    }

    /// Reports Pods whose connections have ended, and sometimes closes spare sockets.
    fn check_pods(&mut self, agent: &mut AgentConnection) {
        for entry in self.pods.values_mut() {
            if entry.is_released() && !self.is_draining {
                agent.report(&entry.enrolled.reference, PodState::Released);
            }
        }
        if self.trimmed.elapsed() >= TRIM {
            self.trimmed = Instant::now();
            self.pods.values().for_each(PodEntry::trim);
        }
    }

    fn report_strictness(&self, agent: &mut AgentConnection) {
        if *self.view.synced.borrow() != Synced::Complete {
            return;
        }
        let mesh = self.view.mesh.borrow();
        for entry in self.pods.values() {
            agent.strictness(&entry.enrolled.reference, mesh.strict(&entry.enrolled.namespace));
        }
    }

    /// Whether no Pod has anything open.
    fn is_idle(&self) -> bool {
        self.pods.values().filter_map(PodEntry::pod).all(|pod| pod.is_idle())
    }

    fn publish_assignment(&self) {
        let carried: Vec<CarriedPod> = self.pods.values().filter_map(PodEntry::carried).collect();
        self.assignment.send_replace(Arc::new(WorkerAssignment::of(carried.iter())));
    }

    fn publish_summary(&self) {
        let summary = NodeSummary {
            agent_connected: self.is_connected,
            pods: self.pods.values().map(PodEntry::report).collect(),
        };
        self.summary.send_if_modified(|before| {
            let changed = *before != summary;
            *before = summary;
            changed
        });
    }
}

impl PodFactory {
    /// Builds the Pod, or returns what it waits for.
    fn build(
        &self,
        enrolled: &Arc<EnrolledPod>,
        listeners: usize,
        wait: &mut Wait,
        mesh: &Mesh,
    ) -> Result<Pod, String> {
        let local = self.location.local_pod(enrolled);
        let trust_domain = local.trust_domain(mesh).ok_or(UNKNOWN_TRUST_DOMAIN)?;
        let identity = Identity::new(trust_domain, &enrolled.namespace, &enrolled.service_account)
            .map_err(|invalid| invalid.to_string())?;
        let certificate = wait.certificate(&identity, &self.certificates);
        certificate.borrow().usable(&identity).map_err(|failure| failure.to_string())?;
        let stock = PodStock::new(enrolled.reference.clone(), self.stock.clone(), Handle::current());
        let quota = self.quota.of_pod(listeners * (1 + self.workers), self.most_connections);
        let name = Arc::clone(&enrolled.name);
        let account = self.budget.account();
        let member = Member { local, name, identity, certificate, account };
        Ok(Pod::new(Arc::clone(enrolled), member, stock, quota))
    }
}

#[cfg(test)]
mod tests;
