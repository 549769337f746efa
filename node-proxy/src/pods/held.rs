//! One Pod that the agent has handed over, and how far it is.

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
pub(crate) struct Held {
    /// What the agent says of it.
    pub(crate) enrolled: Arc<EnrolledPod>,
    pub(crate) listeners: Listeners,
    /// How far it is.
    pub(crate) stage: Stage,
}

/// How far a Pod is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Its connections wait in the listeners' queues: configuration or certificate have not come yet.
    Waiting(Wait),
    /// Its traffic is carried.
    Carrying(Arc<Pod>),
    /// It begins nothing new, and ends what it has.
    Stopping(Stop),
}

/// A Pod that is stopping.
#[derive(Debug)]
pub(crate) struct Stop {
    /// None, if it never was carried.
    pod: Option<Arc<Pod>>,
    cause: Cause,
}

/// Why a Pod is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// It leaves the mesh.
    Leaving,
    /// This process ends.
    Draining,
}

/// What a Pod waits for.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Its certificate, once it is asked for, and whose it is.
    certificate: Option<(Identity, watch::Receiver<State>)>,
    /// In words.
    pub(crate) problem: String,
}

impl Wait {
    /// The certificate of that identity, asked for the first time it is needed.
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

impl Held {
    pub(crate) fn new(enrolled: Arc<EnrolledPod>, listeners: Listeners) -> Self {
        let wait = Wait { certificate: None, problem: "waiting for the configuration".to_owned() };
        Self { enrolled, listeners, stage: Stage::Waiting(wait) }
    }

    /// The Pod, if it is or was carried.
    pub(crate) fn pod(&self) -> Option<&Arc<Pod>> {
        match &self.stage {
            Stage::Waiting(_) => None,
            Stage::Carrying(pod) => Some(pod),
            Stage::Stopping(stop) => stop.pod.as_ref(),
        }
    }

    /// What the workers have to do for it.
    pub(crate) fn carried(&self) -> Option<CarriedPod> {
        let polled = match &self.stage {
            Stage::Carrying(_) => Polled::All,
            Stage::Waiting(_) => Polled::Nothing,
            Stage::Stopping(stop) => match stop.cause {
                Cause::Leaving => Polled::Redirected,
                Cause::Draining => Polled::Nothing,
            },
        };
        Some(CarriedPod { pod: Arc::clone(self.pod()?), listeners: Arc::clone(&self.listeners), polled })
    }

    /// From now on it begins nothing new.
    pub(crate) fn stop(&mut self, cause: Cause) {
        let pod = self.pod().cloned();
        if let Some(pod) = &pod {
            pod.stop();
        }
        let cause = match &self.stage {
            Stage::Stopping(stop) => stop.cause.max(cause),
            Stage::Waiting(_) | Stage::Carrying(_) => cause,
        };
        self.stage = Stage::Stopping(Stop { pod, cause });
    }

    /// Whether it begins nothing new and has nothing open.
    pub(crate) fn is_released(&self) -> bool {
        match &self.stage {
            Stage::Stopping(stop) => stop.pod.as_ref().is_none_or(|pod| pod.is_idle()),
            Stage::Waiting(_) | Stage::Carrying(_) => false,
        }
    }

    /// Closes sockets that it has not needed.
    pub(crate) fn trim(&self) {
        if let Some(pod) = self.pod() {
            pod.stock.trim();
        }
    }

    /// What the controller is told of it.
    pub(crate) fn report(&self) -> PodReport {
        let problem = match &self.stage {
            Stage::Waiting(wait) => wait.problem.clone(),
            Stage::Carrying(_) => String::new(),
            Stage::Stopping(_) => "leaving the mesh".to_owned(),
        };
        PodReport {
            uid: self.enrolled.uid().to_string(),
            namespace: self.enrolled.namespace.as_ref().to_owned(),
            name: self.enrolled.name.as_ref().to_owned(),
            service_account: self.enrolled.service_account.as_ref().to_owned(),
            addresses: self.enrolled.addresses.iter().map(IpAddr::to_string).collect(),
            captured: matches!(self.stage, Stage::Carrying(_)),
            problem,
        }
    }
}
