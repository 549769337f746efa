//! `karez check --cluster`: what keeps the mesh from working on a cluster, before and after it is installed.
//!
//! * [`survey`] – reads what there is to look at
//! * [`mod@findings`] – pure: what is wrong
//! * [`backends`] – pure: Services that the API server calls
//! * [`callers`] – pure: callers without an identity whom strict mode refuses
//! * [`annotations`] – pure: what the mesh's annotations say
//! * [`network`] – pure: network policies that keep tunnels from Pods
//! * [`agents`] – pure: what the agents' metrics say is wrong on their nodes

mod agents;
mod annotations;
mod backends;
mod callers;
mod findings;
mod network;
mod survey;

use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output;
use crate::settings::{ClusterAccess, Format};

use findings::{ClusterFinding, before_strict, findings};
use survey::Survey;

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    server: String,
    nodes: usize,
    installed: bool,
    enrolled_namespaces: Vec<String>,
    /// All that is wrong, in words.
    findings: Vec<String>,
    /// What breaks when a namespace becomes strict, in words.
    before_strict: Vec<String>,
}

/// Checks the cluster.
///
/// # Errors
/// When it cannot be looked at, or something is found.
pub(super) async fn check(access: &ClusterAccess, format: Format) -> Result<(), Failure> {
    let cluster = Cluster::of(access).await?;
    let survey = Survey::of(&cluster).await?;
    let findings = findings(&survey);
    let view = View {
        server: survey.server.clone(),
        nodes: survey.nodes.len(),
        installed: survey.is_installed(),
        enrolled_namespaces: survey.enrolled_namespaces().map(str::to_owned).collect(),
        findings: in_words(&findings),
        before_strict: in_words(&before_strict(&survey)),
    };
    match format {
        Format::Json => output::json(&view)?,
        Format::Text => output::text(&text(&view, cluster.namespace()))?,
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Found) }
}

fn text(view: &View, namespace: &str) -> String {
    let mesh = match view.installed {
        true => format!("installed in {namespace}"),
        false => format!("not installed in {namespace} yet"),
    };
    let enrolled = match view.enrolled_namespaces.is_empty() {
        true => "none".to_owned(),
        false => view.enrolled_namespaces.join(", "),
    };
    let found = match view.findings.is_empty() {
        true => "Nothing was found.\n".to_owned(),
        false => section("Found", &view.findings),
    };
    let before_strict = match view.before_strict.is_empty() {
        true => String::new(),
        false => format!("\n{}", section("Before you turn on strict mode", &view.before_strict)),
    };
    format!(
        "Kubernetes {}, nodes: {}, mesh: {mesh}\nEnrolled namespaces: {enrolled}\n\n{found}{before_strict}",
        view.server, view.nodes
    )
}

fn section(title: &str, lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("{title}:\n{lines}")
}

fn in_words(findings: &[ClusterFinding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn pod_name(pod: &Pod) -> String {
    name(pod.metadata.namespace.as_ref(), pod.metadata.name.as_ref())
}

fn name(namespace: Option<&String>, name: Option<&String>) -> String {
    let text = |part: Option<&String>| part.cloned().unwrap_or_default();
    format!("{}/{}", text(namespace), text(name))
}
