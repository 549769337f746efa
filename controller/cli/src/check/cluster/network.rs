//! Network policies that keep tunnels from Pods. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use karez_api::names::port;
use kube::core::{Selector, SelectorExt as _};

/// The direction that policies isolate a Pod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// To the Pod.
    Ingress,
    /// From it.
    Egress,
}

/// Pods that the same policies keep tunnels from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocked {
    /// Whether tunnels cannot come in, or cannot go out.
    pub(super) direction: Direction,
    /// `NAMESPACE/NAME` of every policy that isolates them.
    pub(super) policies: Vec<String>,
    /// `NAMESPACE/NAME`.
    pub(super) pods: Vec<String>,
}

/// A policy in one direction.
struct Isolation {
    direction: Direction,
    namespace: Option<String>,
    policy: String,
    selector: Selector,
    /// A rule of it has the port of tunnels.
    admits_tunnels: bool,
}

/// Pods that are isolated without any rule for the port of tunnels. Policies add up: the rule of one is enough. Whom a rule
/// admits is not looked at.
#[must_use]
pub(super) fn blocked(policies: &[NetworkPolicy], pods: &[&Pod]) -> Vec<Blocked> {
    let isolations: Vec<Isolation> = policies.iter().flat_map(isolations).collect();
    let mut found: BTreeMap<(Direction, Vec<String>), Vec<String>> = BTreeMap::new();
    for pod in pods {
        for direction in [Direction::Ingress, Direction::Egress] {
            let of_pod = isolations.iter().filter(|it| it.direction == direction && it.covers(pod));
            let of_pod: Vec<&Isolation> = of_pod.collect();
            if of_pod.is_empty() || of_pod.iter().any(|it| it.admits_tunnels) {
                continue;
            }
            let policies = of_pod.iter().map(|it| it.policy.clone()).collect();
            found.entry((direction, policies)).or_default().push(super::pod_name(pod));
        }
    }
    let blocked = |((direction, policies), pods)| Blocked { direction, policies, pods };
    found.into_iter().map(blocked).collect()
}

fn isolations(policy: &NetworkPolicy) -> Vec<Isolation> {
    let spec = policy.spec.clone().unwrap_or_default();
    // The API server admits no selector that cannot be read.
    let Ok(selector) = Selector::try_from(spec.pod_selector.clone().unwrap_or_default()) else {
        return Vec::new();
    };
    let isolation = |direction| Isolation {
        direction,
        namespace: policy.metadata.namespace.clone(),
        policy: super::name(policy.metadata.namespace.as_ref(), policy.metadata.name.as_ref()),
        selector: selector.clone(),
        admits_tunnels: admits_tunnels(&spec, direction),
    };
    directions(&spec).into_iter().map(isolation).collect()
}

impl Isolation {
    fn covers(&self, pod: &Pod) -> bool {
        let none = BTreeMap::new();
        self.namespace == pod.metadata.namespace
            && self.selector.matches(pod.metadata.labels.as_ref().unwrap_or(&none))
    }
}

/// Those that a policy is about: its `policyTypes`; without any, ingress, and egress if it has rules for that.
fn directions(spec: &NetworkPolicySpec) -> Vec<Direction> {
    let types = spec.policy_types.as_deref().unwrap_or_default();
    let named = |name: &str| types.iter().any(|it| it == name);
    let has_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
    let ingress = (types.is_empty() || named("Ingress")).then_some(Direction::Ingress);
    let egress = ((types.is_empty() && has_egress) || named("Egress")).then_some(Direction::Egress);
    ingress.into_iter().chain(egress).collect()
}

fn admits_tunnels(spec: &NetworkPolicySpec, direction: Direction) -> bool {
    let admits = |ports: Option<&[NetworkPolicyPort]>| {
        let ports = ports.unwrap_or_default();
        ports.is_empty() || ports.iter().any(is_tunnel_port)
    };
    match direction {
        Direction::Ingress => spec.ingress.iter().flatten().any(|rule| admits(rule.ports.as_deref())),
        Direction::Egress => spec.egress.iter().flatten().any(|rule| admits(rule.ports.as_deref())),
    }
}

fn is_tunnel_port(rule: &NetworkPolicyPort) -> bool {
    let tunnel = i32::from(port::HBONE);
    let is_tcp = rule.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
    let is_port = match (&rule.port, rule.end_port) {
        (None, _) => true,
        (Some(IntOrString::Int(first)), Some(last)) => (*first..=last).contains(&tunnel),
        (Some(IntOrString::Int(port)), None) => *port == tunnel,
        // No container has a port of that number under a name.
        (Some(IntOrString::String(_)), _) => false,
    };
    is_tcp && is_port
}

#[cfg(test)]
mod tests;
