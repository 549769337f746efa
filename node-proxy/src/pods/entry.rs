//! A Pod that the agent has handed over, and its stage: waiting, carrying, stopping.

use std::net::IpAddr;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::operator::PodReport;
use karez_handover::listener::Listeners;
use karez_handover::pod::EnrolledPod;
use karez_link::Certificates;
use karez_link::certificates::State;
use tokio::sync::watch;

use crate::assignment::{CarriedPod, Polled};
use crate::pod::Pod;

/// A Pod that the agent has handed over.
#[derive(Debug)]
pub(crate) struct PodEntry {
    /// The Pod as the agent describes it.
    pub(crate) enrolled: Arc<EnrolledPod>,
    pub(crate) listeners: Listeners,
    /// Its stage.
    pub(crate) stage: PodStage,
}

/// This process's progress with a Pod.
#[derive(Debug)]
pub(crate) enum PodStage {
    /// The configuration or the certificate is missing: connections wait in the listeners' queues.
    Waiting(Wait),
    /// Workers carry its traffic.
    Carrying(Arc<Pod>),
    /// It begins nothing new, and its connections end.
    Stopping(Stop),
}

/// A Pod that is stopping.
#[derive(Debug)]
pub(crate) struct Stop {
    /// None if it was never carried.
    pod: Option<Arc<Pod>>,
    cause: StopCause,
}

/// Why a Pod is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopCause {
    /// It leaves the mesh.
    Leaving,
    /// This process is ending.
    Draining,
}

/// The reason that a Pod waits.
#[derive(Debug)]
pub(crate) struct Wait {
    /// The requested certificate, and its identity.
    certificate: Option<(Identity, watch::Receiver<State>)>,
    /// The reason, for the operator.
    pub(crate) problem: String,
}

impl Wait {
    fn new() -> Self {
        Self { certificate: None, problem: "waiting for the configuration".to_owned() }
    }

    /// The identity's certificate. The first call requests it.
    pub(crate) fn certificate(
        &mut self,
        identity: &Identity,
        certificates: &Certificates,
    ) -> watch::Receiver<State> {
        // The trust domain may have changed meanwhile.
        let asked = self.certificate.take_if(|(asked, _)| asked == identity);
        let want = || (identity.clone(), certificates.want(identity));
        self.certificate.insert(asked.unwrap_or_else(want)).1.clone()
    }
}

impl PodEntry {
    pub(crate) fn new(enrolled: Arc<EnrolledPod>, listeners: Listeners) -> Self {
        Self { enrolled, listeners, stage: PodStage::Waiting(Wait::new()) }
    }

    /// The Pod, if it is or was carried.
    pub(crate) fn pod(&self) -> Option<&Arc<Pod>> {
        match &self.stage {
            PodStage::Waiting(_) => None,
            PodStage::Carrying(pod) => Some(pod),
            PodStage::Stopping(stop) => stop.pod.as_ref(),
        }
    }

    /// Its part of the workers' assignment.
    pub(crate) fn carried(&self) -> Option<CarriedPod> {
        let polled = match &self.stage {
            PodStage::Carrying(_) => Polled::All,
            PodStage::Waiting(_) => Polled::Nothing,
            PodStage::Stopping(stop) => match stop.cause {
                StopCause::Leaving => Polled::Redirected,
                StopCause::Draining => Polled::Nothing,
            },
        };
        Some(CarriedPod { pod: Arc::clone(self.pod()?), listeners: Arc::clone(&self.listeners), polled })
    }

    /// Begins nothing new from now on.
    pub(crate) fn stop(&mut self, cause: StopCause) {
        let pod = self.pod().cloned();
        if let Some(pod) = &pod {
            pod.stop();
        }
        let cause = match &self.stage {
            PodStage::Stopping(stop) => stop.cause.max(cause),
            PodStage::Waiting(_) | PodStage::Carrying(_) => cause,
        };
        self.stage = PodStage::Stopping(Stop { pod, cause });
    }

    /// Begins new connections again, if it is stopping. Returns whether it is carried.
    pub(crate) fn resume(&mut self) -> bool {
        if let PodStage::Stopping(Stop { pod, .. }) = &self.stage {
            self.stage = match pod.clone() {
                Some(pod) => {
                    pod.resume();
                    PodStage::Carrying(pod)
                }
                None => PodStage::Waiting(Wait::new()),
            };
        }
        matches!(self.stage, PodStage::Carrying(_))
    }

    /// Whether it begins nothing new and has nothing open.
    pub(crate) fn is_released(&self) -> bool {
        match &self.stage {
            PodStage::Stopping(stop) => stop.pod.as_ref().is_none_or(|pod| pod.is_idle()),
            PodStage::Waiting(_) | PodStage::Carrying(_) => false,
        }
    }

    /// Closes spare sockets.
    pub(crate) fn trim(&self) {
        if let Some(pod) = self.pod() {
            pod.stock.trim();
        }
    }

    /// The Pod's part of the report to the controller.
    pub(crate) fn report(&self) -> PodReport {
        let problem = match &self.stage {
            PodStage::Waiting(wait) => wait.problem.clone(),
            PodStage::Carrying(_) => String::new(),
            PodStage::Stopping(_) => "leaving the mesh".to_owned(),
        };
        PodReport {
            uid: self.enrolled.uid().to_string(),
            namespace: self.enrolled.namespace.as_ref().to_owned(),
            name: self.enrolled.name.as_ref().to_owned(),
            service_account: self.enrolled.service_account.as_ref().to_owned(),
            addresses: self.enrolled.addresses.iter().map(IpAddr::to_string).collect(),
            captured: matches!(self.stage, PodStage::Carrying(_)),
            problem,
        }
    }
}
