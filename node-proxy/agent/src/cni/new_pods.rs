//! Answers the CNI plugin about a Pod that is about to start. Whether it is in the mesh is the controller's to say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use karez_cni::message::{AddReply, AddRequest};
use karez_handover::enrol::PodRequest;
use karez_link::discovery::{LocalPod, LocalPods, LocalPodsView, Membership};
use tokio::time::timeout;

use crate::cluster::Uninstall;
use crate::enrolment::{EnrolmentHandle, RequestError};
use crate::kernel::Kernel;
use crate::registry::PodName;

/// How long the controller's word is waited for. It hears of a Pod when kubelet does; the plugin asks again.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Captures Pods before they start.
#[derive(Debug)]
pub struct NewPods<K: Kernel> {
    handle: EnrolmentHandle<K>,
    view: LocalPodsView,
    proc: PathBuf,
    uninstall: Uninstall,
}

/// Why a Pod may not start.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Whether it is in the mesh is not known.
    #[error("the controller has not told of Pod {0} yet")]
    Unknown(PodName),
    /// It is, and cannot be captured.
    #[error(transparent)]
    Enrolment(#[from] RequestError),
}

impl<K: Kernel> NewPods<K> {
    /// Enrols by `handle` what `view` says is in the mesh. The node's procfs is at `proc`.
    #[must_use]
    pub fn new(handle: EnrolmentHandle<K>, view: LocalPodsView, proc: PathBuf, uninstall: Uninstall) -> Self {
        Self { handle, view, proc, uninstall }
    }

    /// Captures the Pod, if it is in the mesh.
    ///
    /// # Errors
    /// When that is not known, or does not succeed.
    pub async fn add(&self, request: &AddRequest) -> Result<AddReply, AddError> {
        if self.uninstall.is_requested() {
            return Ok(AddReply { captured: false });
        }
        let unknown = || AddError::Unknown(PodName::new(&request.namespace, &request.name));
        let pod = self.told_of(request).await.ok_or_else(unknown)?;
        let netns = as_seen_here(&request.netns, &self.proc);
        if request.uid.is_none() && self.runs_elsewhere(&pod, &netns).await? {
            return Err(unknown());
        }
        match pod.membership {
            Membership::NotEnrolled | Membership::NodeProxy => Ok(AddReply { captured: false }),
            Membership::Enrolled => {
                let request = PodRequest {
                    uid: Some(pod.uid),
                    namespace: pod.namespace,
                    name: pod.name,
                    service_account: pod.service_account,
                    netns,
                    // Those of the namespace: the API server does not know them yet.
                    addresses: Vec::new(),
                };
                self.handle.enrol(&request).await?;
                Ok(AddReply { captured: true })
            }
        }
    }

    async fn told_of(&self, request: &AddRequest) -> Option<LocalPod> {
        if let Some(pod) = find(&self.view.pods.borrow(), request) {
            return Some(pod.clone());
        }
        if !self.view.status.borrow().connected {
            // Nobody is going to tell.
            return None;
        }
        let mut pods = self.view.pods.clone();
        let told = pods.wait_for(|pods| find(pods, request).is_some());
        let pods = timeout(TOLD_WITHIN, told).await.ok()?.ok()?;
        find(&pods, request).cloned()
    }

    /// Whether that Pod is enrolled in another network namespace: then the new one is its successor under the same name, of
    /// which the controller has not told.
    async fn runs_elsewhere(&self, pod: &LocalPod, netns: &Path) -> Result<bool, RequestError> {
        let enrolled = self.handle.list().await?.pods;
        Ok(enrolled.iter().any(|enrolled| enrolled.uid == pod.uid && enrolled.netns != netns))
    }
}

impl<K: Kernel> Clone for NewPods<K> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            view: self.view.clone(),
            proc: self.proc.clone(),
            uninstall: self.uninstall.clone(),
        }
    }
}

/// The Pod that is asked for. By its name alone only if there is one of it: a Pod that is gone may not have left the view.
fn find<'a>(pods: &'a LocalPods, request: &AddRequest) -> Option<&'a LocalPod> {
    if let Some(uid) = &request.uid {
        return pods.get(uid);
    }
    let mut named =
        pods.values().filter(|pod| pod.namespace == request.namespace && pod.name == request.name);
    named.next().filter(|_| named.next().is_none())
}

/// A runtime's path to a network namespace, as it is in the agent's container: `/var/run` is `/run` on every node, and
/// the node's procfs is elsewhere.
fn as_seen_here(netns: &Path, proc: &Path) -> PathBuf {
    if let Ok(rest) = netns.strip_prefix("/var/run") {
        return Path::new("/run").join(rest);
    }
    match netns.strip_prefix("/proc") {
        Ok(rest) => proc.join(rest),
        Err(_) => netns.to_owned(),
    }
}

#[cfg(test)]
mod tests;
