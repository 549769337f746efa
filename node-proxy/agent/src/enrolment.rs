//! From what is asked for on the enrol socket to a Pod in the mesh.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use karez_capture::marks::PodMark;
use karez_handover::enrol::{Enrolment, PodList, PodRequest, Removal};
use karez_handover::pod::{EnrolledPod, InvalidPod, NamespaceId, PodReference, PodUid};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::context::AgentContext;
use crate::kernel::{Kernel, KernelError};
use crate::pod_task::{Change, NewPod, PodError};
use crate::pods::{Refused, Request};
use crate::record::{Openings, Phase, Record};
use crate::registry::PodName;

/// How long an enrolment waits for a node proxy to carry the Pod.
pub const CARRIED_WITHIN: Duration = Duration::from_secs(5);
/// How often a Pod is tried to be enrolled that meets the end of its predecessor.
const ATTEMPTS: usize = 5;

/// Sends requests to the task that owns all Pods. Cheap to clone.
#[derive(Debug)]
pub struct EnrolmentHandle<K: Kernel> {
    context: Arc<AgentContext<K>>,
    openings: Openings,
    requests: mpsc::Sender<Request<K::Sandbox>>,
}

/// Why a request is turned down.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The request names no Pod that can be.
    #[error(transparent)]
    Invalid(#[from] InvalidPod),
    /// A path from nowhere: the agent's own folder means nothing to anybody.
    #[error("the path of a network namespace begins with /, and {} does not", .0.display())]
    Relative(PathBuf),
    /// Its namespace is none, or the host's.
    #[error(transparent)]
    Namespace(KernelError),
    /// Where it was found there is another one now.
    #[error("{} leads to another network namespace by now: try again", .0.display())]
    Elsewhere(PathBuf),
    /// It has no address, so nobody could reach it, nor be told from whom it comes.
    #[error(
        "the network namespace at {} has no address yet, beside loopback and link-local ones: enrol the Pod when it has, or name \
         them (karez pod add --ip ADDRESS)",
        .0.display()
    )]
    NoAddress(PathBuf),
    /// Nothing can be reached under it.
    #[error("{0} is no address of a Pod")]
    Address(IpAddr),
    /// It conflicts with another.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It did not succeed.
    #[error("Pod {pod} cannot be enrolled: {reason}")]
    Failed {
        /// Which one.
        pod: PodName,
        /// Why not.
        reason: PodError,
    },
    /// The kernel gives no random number.
    #[error("cannot draw a random mark for the Pod: {0}")]
    NoSecret(getrandom::Error),
    /// The Pod was removed at the same moment.
    #[error("Pod {0} is just being removed: try again")]
    Ended(PodName),
    /// The agent is about to end.
    #[error("karez-agent is stopping")]
    Stopping,
}

impl<K: Kernel> EnrolmentHandle<K> {
    /// Passes requests on to the owner of all Pods. New Pods get listeners as `openings` says.
    #[must_use]
    pub fn new(
        context: Arc<AgentContext<K>>,
        openings: Openings,
        requests: mpsc::Sender<Request<K::Sandbox>>,
    ) -> Self {
        Self { context, openings, requests }
    }

    /// Enrols a Pod, or what is new about it, and waits a while for a node proxy to carry it: the status says whether one
    /// does.
    ///
    /// # Errors
    /// When it cannot be enrolled.
    pub async fn enrol(&self, request: &PodRequest) -> Result<Enrolment, RequestError> {
        let (reference, changes) = self.submit(request, None).await?;
        self.wait_until_carried(&reference).await;
        let pods = self.list().await?.pods;
        let ended = || RequestError::Ended(PodName::new(&request.namespace, &request.name));
        let uid = reference.uid.as_str();
        let pod = pods.into_iter().find(|pod| pod.uid == uid).ok_or_else(ended)?;
        Ok(Enrolment { pod, changed: changes.iter().map(Change::to_string).collect() })
    }

    /// Enrols a Pod in the namespace that it was found in, and does not wait for a node proxy.
    ///
    /// # Errors
    /// When it cannot be enrolled, or its path leads elsewhere by now.
    pub async fn capture(&self, request: &PodRequest, found: NamespaceId) -> Result<(), RequestError> {
        self.submit(request, Some(found)).await.map(drop)
    }

    /// Takes a Pod out of the mesh.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn remove(&self, namespace: &str, name: &str) -> Result<Removal, RequestError> {
        self.take_out(PodName::new(namespace, name), None).await
    }

    /// Takes a Pod out of the mesh, unless its name is another one's by now.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn release(&self, pod: PodName, uid: &str) -> Result<Removal, RequestError> {
        self.take_out(pod, Some(PodUid::new(uid)?)).await
    }

    async fn take_out(&self, pod: PodName, uid: Option<PodUid>) -> Result<Removal, RequestError> {
        let outcome = self.ask(|answer| Request::Remove(pod, uid, answer)).await??;
        // Its task ended first: the Pod is gone all the same.
        Ok(outcome.await.unwrap_or_default())
    }

    /// All Pods.
    ///
    /// # Errors
    /// When the agent is about to end.
    pub async fn list(&self) -> Result<PodList, RequestError> {
        self.ask(Request::List).await
    }

    async fn submit(
        &self,
        request: &PodRequest,
        found: Option<NamespaceId>,
    ) -> Result<(PodReference, Vec<Change>), RequestError> {
        let pod = PodName::new(&request.namespace, &request.name);
        for _ in 0..ATTEMPTS {
            let new_pod = self.open_pod(request, found).await?;
            let reference = new_pod.record.pod.reference.clone();
            let outcome = self.ask(|answer| Request::Enrol(Box::new(new_pod), answer)).await??;
            // No answer: the task of the same Pod in an older namespace has just ended. Try again.
            if let Ok(entered) = outcome.await {
                let changes = entered.map_err(|reason| RequestError::Failed { pod, reason })?;
                return Ok((reference, changes));
            }
        }
        Err(RequestError::Ended(pod))
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request<K::Sandbox>,
    ) -> Result<T, RequestError> {
        let (answer, outcome) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| RequestError::Stopping)?;
        outcome.await.map_err(|_| RequestError::Stopping)
    }

    async fn wait_until_carried(&self, pod: &PodReference) {
        let carried = self.context.roster.wait(|roster| roster.carriers(pod).next().is_some().then_some(()));
        // The status says what is the matter.
        let _ = timeout(CARRIED_WITHIN, carried).await;
    }

    async fn open_pod(
        &self,
        request: &PodRequest,
        found: Option<NamespaceId>,
    ) -> Result<NewPod<K::Sandbox>, RequestError> {
        let (request, openings) = (request.clone(), self.openings);
        self.context.blocking(move |context| open_pod(&context.kernel, &request, found, openings)).await
    }
}

impl<K: Kernel> Clone for EnrolmentHandle<K> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), openings: self.openings, requests: self.requests.clone() }
    }
}

/// Opens the namespace and reads off it what the request does not say. Blocks.
fn open_pod<K: Kernel>(
    kernel: &K,
    request: &PodRequest,
    found: Option<NamespaceId>,
    openings: Openings,
) -> Result<NewPod<K::Sandbox>, RequestError> {
    let PodRequest { uid, namespace, name, service_account, netns, addresses } = request;
    if !netns.is_absolute() {
        return Err(RequestError::Relative(netns.clone()));
    }
    let uid = uid.clone().unwrap_or_else(|| format!("{namespace}/{name}"));
    let uid = PodUid::new(&uid)?;
    let sandbox = kernel.open(netns).map_err(RequestError::Namespace)?;
    if found.is_some_and(|found| found != kernel.id(&sandbox)) {
        return Err(RequestError::Elsewhere(netns.clone()));
    }
    let addresses = if addresses.is_empty() {
        kernel.addresses(&sandbox).map_err(RequestError::Namespace)?
    } else {
        addresses.clone()
    };
    if let Some(address) = addresses.iter().find(|address| !can_be_a_pods(address)) {
        return Err(RequestError::Address(*address));
    }
    if addresses.is_empty() {
        return Err(RequestError::NoAddress(netns.clone()));
    }
    let reference = PodReference { uid, sandbox: kernel.id(&sandbox) };
    let pod = EnrolledPod::new(reference, namespace, name, service_account, addresses)?;
    let mark = PodMark::new(getrandom::u32().map_err(RequestError::NoSecret)?);
    let record = Record { pod, netns: netns.clone(), openings, mark, strict: false, phase: Phase::Enrolled };
    Ok(NewPod { record, sandbox })
}

fn can_be_a_pods(address: &IpAddr) -> bool {
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
}

/// Opens the namespace of a Pod that was enrolled before the agent was restarted; None when it is gone. Blocks.
///
/// # Errors
/// When it is there and cannot be opened, or when that cannot be told.
pub fn reopen<K: Kernel>(kernel: &K, record: &Record) -> Result<Option<K::Sandbox>, KernelError> {
    if kernel.id_at(&record.netns)? != Some(record.pod.reference.sandbox) {
        return Ok(None);
    }
    kernel.open(&record.netns).map(Some)
}
