//! What keeps the mesh from working. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::{Container, Namespace, Pod};
use karez_api::names::{annotation, label, object, port};

use super::agents::{AgentMetrics, NodeProblem};
use super::callers::{Caller, Modes, RefusedCaller, refused_callers};
use super::network::{Blocked, Direction, blocked};
use super::survey::MESHES;
use super::{Survey, pod_name};

/// The oldest kernel with what the capture rules need.
const OLDEST_KERNEL: (u32, u32) = (5, 13);
/// Kinds that the chart defines.
const DEFINITIONS: [&str; 2] = ["authorizationpolicies.karez.dev", MESHES];
/// The mesh's programs.
const OWN: [&str; 3] = [object::CONTROLLER, object::AGENT, object::NODE_PROXY];
/// This command's, which comes with them.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");
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
    /// Network policies let no tunnel in, or none out.
    TunnelsBlocked(Blocked),
    /// A program of the mesh is of another version than this command.
    Version {
        /// Such as `DaemonSet karez-agent`.
        program: String,
        /// The tag of its image.
        version: String,
    },
    /// An agent says that something is wrong on its node.
    Node {
        /// The node.
        node: String,
        /// What is wrong.
        problem: NodeProblem,
    },
    /// An agent cannot be asked.
    AgentSilent {
        /// The node.
        node: String,
        /// Why not.
        reason: String,
    },
    /// Enrolled Pods are on a node without an agent that is ready.
    NoAgent {
        /// The node.
        node: String,
        /// `NAMESPACE/NAME` of each.
        pods: Vec<String>,
    },
    /// Strict mode refuses the API server or Prometheus, or would.
    CallerRefused(RefusedCaller),
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
        found.extend(
            definitions(survey).chain(programs(survey)).chain(versions(survey)).chain(on_nodes(survey)),
        );
        found.extend(without_agent(survey, &enrolled));
    }
    found.extend(blocked(&survey.policies, &enrolled).into_iter().map(ClusterFinding::TunnelsBlocked));
    found.extend(callers(survey, &enrolled, true));
    found.extend(powers);
    found
}

/// What nothing is wrong with as long as no further namespace becomes strict.
#[must_use]
pub(super) fn before_strict(survey: &Survey) -> Vec<ClusterFinding> {
    let enrolled: Vec<&Pod> = enrolled_pods(survey).collect();
    callers(survey, &enrolled, false).collect()
}

fn callers(survey: &Survey, enrolled: &[&Pod], is_strict: bool) -> impl Iterator<Item = ClusterFinding> {
    let modes = Modes { namespaces: &survey.namespaces, default_mode: survey.default_mode.as_deref() };
    let refused = refused_callers(modes, enrolled, &survey.services, &survey.backends);
    refused.into_iter().filter(move |it| it.is_strict == is_strict).map(ClusterFinding::CallerRefused)
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
    let all = deployments.chain(daemon_sets).filter(|(_, name, _, _)| OWN.contains(&name.as_str()));
    // One that wants no Pod is as absent as one whose Pods are not ready.
    all.filter(|(_, _, ready, wanted)| ready < wanted.max(&1)).map(|(kind, name, ready, wanted)| {
        ClusterFinding::NotReady { program: format!("{kind} {name}"), ready, wanted }
    })
}

/// A program whose image has no tag says nothing of its version.
fn versions(survey: &Survey) -> impl Iterator<Item = ClusterFinding> {
    let deployments = survey.deployments.iter().filter_map(|it| {
        Some(("Deployment", it.metadata.name.as_ref()?, it.spec.as_ref()?.template.spec.as_ref()?))
    });
    let daemon_sets = survey.daemon_sets.iter().filter_map(|it| {
        Some(("DaemonSet", it.metadata.name.as_ref()?, it.spec.as_ref()?.template.spec.as_ref()?))
    });
    let own = deployments.chain(daemon_sets).filter(|(_, name, _)| OWN.contains(&name.as_str()));
    own.filter_map(|(kind, name, pod)| {
        let version = pod.containers.first()?.image.as_deref().and_then(tag)?;
        let program = format!("{kind} {name}");
        (version != OWN_VERSION).then(|| ClusterFinding::Version { program, version: version.to_owned() })
    })
}

/// The tag in an image's name: a colon before the last slash is a registry's port.
fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next()?;
    name.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

fn on_nodes(survey: &Survey) -> impl Iterator<Item = ClusterFinding> {
    survey.agents.iter().flat_map(|(node, metrics)| match metrics {
        Ok(text) => {
            let problems = AgentMetrics(text).problems().into_iter();
            problems.map(|problem| ClusterFinding::Node { node: node.clone(), problem }).collect::<Vec<_>>()
        }
        Err(reason) => vec![ClusterFinding::AgentSilent { node: node.clone(), reason: reason.clone() }],
    })
}

fn without_agent(survey: &Survey, enrolled: &[&Pod]) -> Vec<ClusterFinding> {
    let has_agent = |node: &str| survey.agents.iter().any(|(with_agent, _)| with_agent == node);
    let mut by_node: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pod in enrolled {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if let Some(node) = node.filter(|node| !has_agent(node)) {
            by_node.entry(node).or_default().push(pod_name(pod));
        }
    }
    let found =
        by_node.into_iter().map(|(node, pods)| ClusterFinding::NoAgent { node: node.to_owned(), pods });
    found.collect()
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

impl fmt::Display for ClusterFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = OLDEST_KERNEL;
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
            Self::NotReady { program, wanted: ..=0, .. } => write!(
                f,
                "{program}: no Pod of it is wanted: scale it up, or look at its nodeSelector and tolerations"
            ),
            Self::NotReady { program, ready, wanted } => write!(
                f,
                "{program}: {ready} of {wanted} Pods are ready: kubectl describe says why the others are not"
            ),
            Self::TunnelsBlocked(blocked) => tunnels_blocked(blocked, f),
            Self::Version { program, version } => write!(
                f,
                "{program}: its image is {version}, and this command {OWN_VERSION}: use the command of that version, or upgrade the chart"
            ),
            Self::Node { node, problem } => write!(f, "Node {node}: {problem}"),
            Self::AgentSilent { node, reason } => {
                write!(f, "Node {node}: its agent cannot be asked what is wrong there: {reason}")
            }
            Self::NoAgent { node, pods } => write!(
                f,
                "Node {node}: Pod {} should be in the mesh, and no agent is ready there: does nodes.selector choose the node? \
                 Take its Pods out of the mesh before you narrow it",
                some_of(pods)
            ),
            Self::CallerRefused(refused) => caller_refused(refused, f),
            Self::Power { pod, container, power } => write!(
                f,
                "Pod {pod}: container {container} {power}: it can pass by the mesh; take that away, or label the Pod \
                 {}=disabled",
                label::MESH
            ),
        }
    }
}

fn tunnels_blocked(blocked: &Blocked, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (policies, pods, tunnel) = (blocked.policies.join(", "), some_of(&blocked.pods), port::HBONE);
    match blocked.direction {
        Direction::Ingress => write!(
            f,
            "NetworkPolicy {policies}: admits nobody to TCP {tunnel} of Pod {pods}, where the mesh's tunnels end: add \
             {tunnel} beside the ports that it admits"
        ),
        Direction::Egress => write!(
            f,
            "NetworkPolicy {policies}: lets Pod {pods} reach TCP {tunnel} nowhere, where the mesh's tunnels end: add \
             {tunnel} beside the ports that it may reach"
        ),
    }
}

fn caller_refused(refused: &RefusedCaller, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let RefusedCaller { caller, namespace, port, is_strict, pods } = refused;
    let (pods, key) = (some_of(pods), annotation::PERMISSIVE_PORTS);
    let refuses = if *is_strict { "refuses" } else { "would refuse" };
    let calls = match caller {
        Caller::ApiServer { named_by } => format!("the API server's calls for {named_by}"),
        Caller::Prometheus => "scrapes by a Prometheus outside of the mesh".to_owned(),
    };
    write!(
        f,
        "Namespace {namespace}: strict mode {refuses} {calls} to port {port} of Pod {pods}: name the port in the annotation \
         {key} of the Pods or of the namespace"
    )
}

/// The first of them, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let first: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
