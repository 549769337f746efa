//! What keeps the mesh from working. Pure.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::core::v1::{Container, Namespace, Pod};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use karez_api::names::{label, object, port};

use super::Survey;

/// The oldest kernel with what the capture rules need.
const OLDEST_KERNEL: (u32, u32) = (5, 13);
/// Kinds that the chart defines.
const DEFINITIONS: [&str; 2] = ["authorizationpolicies.karez.dev", "meshes.karez.dev"];
/// Capabilities by which a Pod passes by the mesh.
const POWERS: [&str; 4] = ["ALL", "NET_ADMIN", "NET_RAW", "SYS_ADMIN"];
/// The label that Pod Security is enforced by.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

/// Something that keeps the mesh from working, or a Pod outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClusterFinding {
    /// A node's kernel is too old.
    Kernel {
        /// The node.
        node: String,
        /// Its kernel's version.
        version: String,
    },
    /// The namespace admits no privileged Pods.
    PodSecurity {
        /// The mesh's namespace.
        namespace: String,
        /// What it enforces.
        level: String,
    },
    /// A kind of the chart's is not defined.
    NoDefinition {
        /// Such as `meshes.karez.dev`.
        name: String,
    },
    /// A program of the mesh is not ready everywhere.
    NotReady {
        /// Such as `DaemonSet karez-agent`.
        program: String,
        /// How many Pods are ready.
        ready: i32,
        /// How many should be.
        wanted: i32,
    },
    /// A network policy lets no tunnel in.
    TunnelBlocked {
        /// `NAMESPACE/NAME` of the policy.
        policy: String,
        /// An enrolled Pod that it isolates.
        pod: String,
    },
    /// An enrolled Pod may pass by the mesh.
    Power {
        /// `NAMESPACE/NAME`.
        pod: String,
        /// Its container.
        container: String,
        /// What it adds, or that it is privileged.
        power: String,
    },
}

/// Everything that is wrong; nothing when all is well.
#[must_use]
pub(super) fn findings(survey: &Survey) -> Vec<ClusterFinding> {
    let enrolled: Vec<&Pod> = enrolled_pods(survey).collect();
    let powers = enrolled.iter().flat_map(|pod| powers(pod));
    let mut found: Vec<ClusterFinding> = kernels(survey).chain(pod_security(survey)).collect();
    if survey.is_installed() {
        found.extend(definitions(survey).chain(programs(survey)));
    }
    found.extend(survey.policies.iter().filter_map(|policy| blocked(policy, &enrolled)));
    found.extend(powers);
    found
}

fn kernels(survey: &Survey) -> impl Iterator<Item = ClusterFinding> {
    survey.nodes.iter().filter_map(|node| {
        let info = node.status.as_ref()?.node_info.as_ref()?;
        let is_too_old = info.operating_system == "linux" && version(&info.kernel_version)? < OLDEST_KERNEL;
        is_too_old.then(|| ClusterFinding::Kernel {
            node: node.metadata.name.clone().unwrap_or_default(),
            version: info.kernel_version.clone(),
        })
    })
}

/// The first two numbers.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn pod_security(survey: &Survey) -> Option<ClusterFinding> {
    let is_own = |namespace: &&Namespace| namespace.metadata.name.as_ref() == Some(&survey.own_namespace);
    let own = survey.namespaces.iter().find(is_own)?;
    let level = own.metadata.labels.as_ref()?.get(POD_SECURITY).filter(|level| *level != "privileged")?;
    Some(ClusterFinding::PodSecurity { namespace: survey.own_namespace.clone(), level: level.clone() })
}

fn definitions(survey: &Survey) -> impl Iterator<Item = ClusterFinding> {
    let is_missing = |name: &&str| survey.definitions.iter().all(|defined| defined != name);
    DEFINITIONS
        .into_iter()
        .filter(is_missing)
        .map(|name| ClusterFinding::NoDefinition { name: name.to_owned() })
}

fn programs(survey: &Survey) -> impl Iterator<Item = ClusterFinding> {
    let deployments = survey.deployments.iter().filter_map(|it| {
        let wanted = it.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let ready = it.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
        Some(("Deployment", it.metadata.name.as_ref()?, ready, wanted))
    });
    let daemon_sets = survey.daemon_sets.iter().filter_map(|it| {
        let status = it.status.clone().unwrap_or_default();
        Some(("DaemonSet", it.metadata.name.as_ref()?, status.number_ready, status.desired_number_scheduled))
    });
    let own = [object::CONTROLLER, object::AGENT, object::NODE_PROXY];
    let all = deployments.chain(daemon_sets).filter(move |(_, name, _, _)| own.contains(&name.as_str()));
    all.filter(|(_, _, ready, wanted)| ready < wanted).map(|(kind, name, ready, wanted)| {
        ClusterFinding::NotReady { program: format!("{kind} {name}"), ready, wanted }
    })
}

fn enrolled_pods(survey: &Survey) -> impl Iterator<Item = &Pod> {
    let namespaces: BTreeSet<&str> = survey.enrolled_namespaces().collect();
    survey.pods.iter().filter(move |pod| {
        let own = pod.metadata.labels.as_ref().and_then(|labels| labels.get(label::MESH)).map(String::as_str);
        let in_namespace = pod.metadata.namespace.as_deref().is_some_and(|it| namespaces.contains(it));
        let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
        let has_ended = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let has_ended = matches!(has_ended, Some("Succeeded" | "Failed"));
        !on_host && !has_ended && (own == Some("enabled") || (in_namespace && own != Some("disabled")))
    })
}

/// An enrolled Pod that the policy isolates without any rule for the port of tunnels. Whom a rule admits is not looked at.
fn blocked(policy: &NetworkPolicy, enrolled: &[&Pod]) -> Option<ClusterFinding> {
    let spec = policy.spec.as_ref()?;
    let types = spec.policy_types.as_deref();
    let is_ingress = types.is_none_or(|types| types.iter().any(|it| it == "Ingress"));
    let admits = spec.ingress.iter().flatten().any(|rule| {
        let ports = rule.ports.as_deref().unwrap_or_default();
        ports.is_empty() || ports.iter().any(is_tunnel_port)
    });
    if !is_ingress || admits {
        return None;
    }
    let selector = spec.pod_selector.clone().unwrap_or_default();
    let isolated = enrolled
        .iter()
        .find(|pod| pod.metadata.namespace == policy.metadata.namespace && selects(&selector, pod))?;
    Some(ClusterFinding::TunnelBlocked {
        policy: name(policy.metadata.namespace.as_ref(), policy.metadata.name.as_ref()),
        pod: pod_name(isolated),
    })
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

/// By labels alone: an expression is taken to match, so that nothing is left unsaid.
fn selects(selector: &LabelSelector, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

fn powers(pod: &Pod) -> Vec<ClusterFinding> {
    let spec = pod.spec.clone().unwrap_or_default();
    let init = spec.init_containers.unwrap_or_default();
    let containers = init.iter().chain(&spec.containers);
    let found = containers.filter_map(|container| {
        let power = power(container)?;
        Some(ClusterFinding::Power { pod: pod_name(pod), container: container.name.clone(), power })
    });
    found.collect()
}

/// What a container is given beyond a runtime's defaults.
fn power(container: &Container) -> Option<String> {
    let context = container.security_context.as_ref()?;
    if context.privileged == Some(true) {
        return Some("is privileged".to_owned());
    }
    let added = context.capabilities.as_ref()?.add.as_ref()?;
    let powers: Vec<&str> = added.iter().map(String::as_str).filter(|it| POWERS.contains(it)).collect();
    (!powers.is_empty()).then(|| format!("adds {}", powers.join(", ")))
}

fn pod_name(pod: &Pod) -> String {
    name(pod.metadata.namespace.as_ref(), pod.metadata.name.as_ref())
}

fn name(namespace: Option<&String>, name: Option<&String>) -> String {
    let text = |part: Option<&String>| part.cloned().unwrap_or_default();
    format!("{}/{}", text(namespace), text(name))
}

impl fmt::Display for ClusterFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = OLDEST_KERNEL;
        let tunnel = port::HBONE;
        match self {
            Self::Kernel { node, version } => {
                write!(f, "Node {node}: its kernel is {version}: the mesh needs {major}.{minor} or newer")
            }
            Self::PodSecurity { namespace, level } => write!(
                f,
                "Namespace {namespace}: {POD_SECURITY} is {level}, which refuses the agent's Pods: set it to privileged"
            ),
            Self::NoDefinition { name } => {
                write!(f, "CustomResourceDefinition {name}: missing: install the chart with crds.install")
            }
            Self::NotReady { program, ready, wanted } => write!(
                f,
                "{program}: {ready} of {wanted} Pods are ready: kubectl describe says why the others are not"
            ),
            Self::TunnelBlocked { policy, pod } => write!(
                f,
                "NetworkPolicy {policy}: isolates Pod {pod} and admits nobody to TCP {tunnel}, where the mesh's tunnels end: \
                 add {tunnel} beside the ports that it admits"
            ),
            Self::Power { pod, container, power } => write!(
                f,
                "Pod {pod}: container {container} {power}: it can pass by the mesh; take that away, or label the Pod \
                 {}=disabled",
                label::MESH
            ),
        }
    }
}

#[cfg(test)]
mod tests;
