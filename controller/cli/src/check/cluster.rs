//! `karez check --cluster`: what keeps the mesh from working on a cluster, before and after it is installed.
//!
//! * [`survey`] – reads what there is to look at
//! * [`mod@findings`] – pure: what is wrong

mod findings;
mod survey;

use serde::Serialize;

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output;
use crate::settings::{ClusterAccess, Format};

use findings::findings;
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
        findings: findings.iter().map(ToString::to_string).collect(),
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
        false => {
            let lines = view.findings.iter().map(|finding| format!("  {finding}\n"));
            format!("Found:\n{}", lines.collect::<String>())
        }
    };
    format!(
        "Kubernetes {}, nodes: {}, mesh: {mesh}\nEnrolled namespaces: {enrolled}\n\n{found}",
        view.server, view.nodes
    )
}
