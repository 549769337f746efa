//! What there is to do: the Pods that the controller tells of against those that are enrolled. Pure.

use std::collections::{BTreeMap, BTreeSet};

use karez_handover::enrol::PodStatus;
use karez_link::discovery::{LocalPod, LocalPods, Membership};

use crate::registry::PodName;

/// What there is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Pods to find and capture.
    pub enrol: Vec<LocalPod>,
    /// Enrolled Pods of which something is another or that are to stay, and where they are.
    pub change: Vec<(LocalPod, PodStatus)>,
    /// Enrolled Pods to let go, by uid.
    pub release: BTreeMap<String, PodName>,
    /// Uids of the node proxies to serve.
    pub node_proxies: BTreeSet<String>,
    /// How many enrolled Pods should be captured, and are not.
    pub uncaptured: usize,
}

impl Plan {
    /// Whether there is something to do about a Pod.
    #[must_use]
    pub fn concerns(&self, uid: &str) -> bool {
        self.release.contains_key(uid)
            || self.node_proxies.contains(uid)
            || self.enrol.iter().any(|pod| pod.uid == uid)
            || self.change.iter().any(|(pod, _)| pod.uid == uid)
    }
}

/// Compares what should be with what is. A Pod that is being released and wanted again is to stay. An enrolled Pod that the
/// controller does not speak of stays: it has ended, and goes with its network namespace, or the operator enrolled it.
#[must_use]
pub fn plan(pods: &LocalPods, enrolled: &[PodStatus], is_leaving: impl Fn(&str) -> bool) -> Plan {
    let enrolled: BTreeMap<&str, &PodStatus> = enrolled.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
    let mut plan = Plan::default();
    for pod in pods.values() {
        let status = enrolled.get(pod.uid.as_str()).copied();
        match (pod.membership, status) {
            (Membership::Enrolled, None) => {
                plan.enrol.push(pod.clone());
            }
            (Membership::Enrolled, Some(status)) => {
                plan.uncaptured += usize::from(!status.captured);
                if status.service_account != pod.service_account || is_leaving(&pod.uid) {
                    plan.change.push((pod.clone(), status.clone()));
                }
            }
            (Membership::NotEnrolled | Membership::NodeProxy, Some(status)) => {
                plan.release.insert(pod.uid.clone(), PodName::new(&status.namespace, &status.name));
            }
            (Membership::NotEnrolled | Membership::NodeProxy, None) => {}
        }
        if pod.membership == Membership::NodeProxy {
            plan.node_proxies.insert(pod.uid.clone());
        }
    }
    plan
}

/// All enrolled Pods are let go, whoever enrolled them. Node proxies are served meanwhile: they finish what is open.
#[must_use]
pub fn release_all(pods: &LocalPods, enrolled: &[PodStatus]) -> Plan {
    let release = enrolled.iter().map(|pod| (pod.uid.clone(), PodName::new(&pod.namespace, &pod.name)));
    Plan {
        release: release.collect(),
        node_proxies: plan(pods, &[], |_| false).node_proxies,
        ..Plan::default()
    }
}

#[cfg(test)]
mod tests;
