//! A carried Pod: the state that all workers share.

use std::net::IpAddr;
use std::sync::Arc;

use karez_api::outcome::{Limit, Refusal};
use karez_handover::pod::EnrolledPod;
use karez_hbone::member::Member;
use karez_mesh::LocalPod;
use karez_mesh::pod::workload_uid;
use tokio::sync::watch;

use crate::stock::PodStock;

pub(crate) mod connection_quota;

use connection_quota::ConnectionQuota;
pub(crate) use connection_quota::ConnectionSlot;

/// An enrolled Pod that this process carries.
#[derive(Debug)]
pub(crate) struct Pod {
    /// The Pod as the agent describes it.
    pub(crate) enrolled: Arc<EnrolledPod>,
    /// The Pod as the mesh sees it. Its account also counts the unread bytes of connections without a tunnel.
    pub(crate) member: Member,
    /// Its sockets.
    pub(crate) stock: PodStock,
    phase: watch::Sender<PodPhase>,
    quota: Arc<ConnectionQuota>,
    /// Every unanswered DNS query holds a clone. Queries have limits of their own.
    queries: Arc<()>,
}

/// This process's progress with a Pod. It only advances, except that a stopping Pod may be carried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PodPhase {
    Carried,
    Stopping,
    Gone,
}

/// The node and its cluster, by the controller's names.
#[derive(Debug, Clone)]
pub(crate) struct NodeLocation {
    /// The cluster.
    pub(crate) cluster: Arc<str>,
    /// The node.
    pub(crate) node: Arc<str>,
}

impl NodeLocation {
    /// The Pod as the mesh's decisions see it.
    pub(crate) fn local_pod(&self, enrolled: &EnrolledPod) -> LocalPod {
        LocalPod {
            uid: workload_uid(&self.cluster, &enrolled.namespace, &enrolled.name).into(),
            namespace: Arc::clone(&enrolled.namespace),
            node: Arc::clone(&self.node),
            addresses: enrolled.addresses.iter().map(IpAddr::to_canonical).collect(),
        }
    }
}

impl Pod {
    pub(crate) fn new(
        enrolled: Arc<EnrolledPod>,
        member: Member,
        stock: PodStock,
        quota: Arc<ConnectionQuota>,
    ) -> Self {
        let phase = watch::Sender::new(PodPhase::Carried);
        Self { enrolled, member, stock, phase, quota, queries: Arc::new(()) }
    }

    /// Takes a slot for a connection, or for the second descriptor of one without a tunnel.
    pub(crate) fn take_slot(&self) -> Result<ConnectionSlot, Refusal> {
        self.quota.take().ok_or(Refusal::LimitReached { limit: Limit::Connections })
    }

    /// A guard that a DNS query holds until its answer.
    pub(crate) fn begin_query(&self) -> Arc<()> {
        Arc::clone(&self.queries)
    }

    /// Begins nothing new from now on: tunnels send GOAWAY.
    pub(crate) fn stop(&self) {
        self.advance(PodPhase::Stopping);
    }

    /// Carries a stopping Pod again. Tunnels that were sent GOAWAY end all the same; peers dial new ones.
    pub(crate) fn resume(&self) {
        self.phase.send_if_modified(|phase| {
            let is_stopping = *phase == PodPhase::Stopping;
            if is_stopping {
                *phase = PodPhase::Carried;
            }
            is_stopping
        });
    }

    /// Ends the Pod's remaining connections at once.
    pub(crate) fn leave(&self) {
        self.advance(PodPhase::Gone);
    }

    fn advance(&self, to: PodPhase) {
        self.phase.send_modify(|phase| *phase = to.max(*phase));
    }

    /// Whether nothing new may begin.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.phase.borrow() >= PodPhase::Stopping
    }

    /// Returns once the Pod is stopping.
    pub(crate) async fn stopping(&self) {
        self.reached(PodPhase::Stopping).await;
    }

    /// Returns once the Pod is no longer carried.
    pub(crate) async fn gone(&self) {
        self.reached(PodPhase::Gone).await;
    }

    /// Returns once nobody holds the Pod: its connections have ended, and its sockets are closed.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as the Pod.
        async move { while phase.changed().await.is_ok() {} }
    }

    async fn reached(&self, wanted: PodPhase) {
        // The sender lives as long as the Pod.
        let _ = self.phase.subscribe().wait_for(|phase| *phase >= wanted).await;
    }

    /// Whether it has neither a connection nor an unanswered DNS query.
    pub(crate) fn is_idle(&self) -> bool {
        self.quota.taken() == 0 && Arc::strong_count(&self.queries) == 1
    }
}

impl AsRef<LocalPod> for Pod {
    fn as_ref(&self) -> &LocalPod {
        &self.member.local
    }
}

#[cfg(test)]
mod tests;
