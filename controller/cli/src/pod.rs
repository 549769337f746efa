//! `karez pod`: asks the agent of this machine.

use std::path::{Path, PathBuf};

use karez_api::printable::one_line;
use karez_handover::enrol::client::{Client, ClientError};
use karez_handover::enrol::{Enrolment, PodList, PodRequest, PodStatus};

use crate::failure::Failure;
use crate::output;
use crate::settings::{AgentSocket, Format, PodAdd, PodRemove};
use crate::table::Table;

/// Enrols a Pod.
///
/// # Errors
/// When the agent cannot be asked or refuses, or when the Pod is not captured afterwards.
pub async fn add(command: PodAdd, format: Format) -> Result<(), Failure> {
    let client = Client::new(&command.agent.agent);
    let request = PodRequest {
        uid: command.uid,
        namespace: command.pod.namespace,
        name: command.pod.name,
        service_account: command.service_account,
        netns: absolute(&command.netns)?,
        addresses: command.ip,
    };
    let enrolment = client.add(&request).await.map_err(|error| failure(&error))?;
    match format {
        Format::Json => output::json(&enrolment)?,
        Format::Text => output::text(&told(&enrolment))?,
    }
    if is_well(&enrolment.pod) { Ok(()) } else { Err(Failure::Found) }
}

/// Takes a Pod out of the mesh.
///
/// # Errors
/// When the agent cannot be asked or refuses, or when something was not as it should be.
pub async fn remove(command: &PodRemove, format: Format) -> Result<(), Failure> {
    let client = Client::new(&command.agent.agent);
    let removal =
        client.remove(&command.pod.namespace, &command.pod.name).await.map_err(|error| failure(&error))?;
    if format == Format::Json {
        output::json(&removal)?;
    }
    match (removal.problem, format) {
        (None, Format::Json) => Ok(()),
        (None, Format::Text) => {
            output::text(&format!("{}/{} is out of the mesh\n", command.pod.namespace, command.pod.name))
        }
        (Some(problem), Format::Text) => Err(Failure::Wrong(problem)),
        (Some(_), Format::Json) => Err(Failure::Found),
    }
}

/// Lists the enrolled Pods.
///
/// # Errors
/// When the agent cannot be asked, or one of them is not well.
pub async fn list(agent: &AgentSocket, format: Format) -> Result<(), Failure> {
    let pods = enrolled(agent).await?;
    let is_well = pods.iter().all(is_well);
    match format {
        Format::Json => output::json(&PodList { pods })?,
        Format::Text if pods.is_empty() => output::text("no Pod of this machine is in the mesh\n")?,
        Format::Text => output::text(&table(&pods))?,
    }
    if is_well { Ok(()) } else { Err(Failure::Found) }
}

/// The enrolled Pods.
///
/// # Errors
/// When the agent cannot be asked.
pub async fn enrolled(agent: &AgentSocket) -> Result<Vec<PodStatus>, Failure> {
    let list = Client::new(&agent.agent).list().await.map_err(|error| failure(&error))?;
    Ok(list.pods)
}

/// The agent runs elsewhere: a path that begins here says nothing to it.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::Wrong(format!("--netns {:?} is no path: {error}", path.display())))
}

fn is_well(pod: &PodStatus) -> bool {
    pod.captured && pod.problem.is_none()
}

fn told(enrolment: &Enrolment) -> String {
    let Enrolment { pod, changed } = enrolment;
    let changed = changed.iter().map(|change| format!("{}/{}: {change}\n", pod.namespace, pod.name));
    changed.chain([described(pod)]).collect()
}

fn described(pod: &PodStatus) -> String {
    let name = format!("{}/{}", pod.namespace, pod.name);
    let captured = if pod.captured { "is captured" } else { "is not captured" };
    let carried = match pod.carried_by.as_slice() {
        [] => "no node proxy carries its traffic yet: its connections wait".to_owned(),
        proxies => format!("carried by {}", proxies.join(", ")),
    };
    let problem = pod.problem.as_ref().map(|problem| format!("; {}", one_line(problem))).unwrap_or_default();
    format!("{name} {captured}; {carried}{problem}\n")
}

fn table(pods: &[PodStatus]) -> String {
    let mut table =
        Table::new(&["POD", "SERVICE ACCOUNT", "ADDRESSES", "CAPTURED", "CARRIED BY", "NETNS", "PROBLEM"]);
    for pod in pods {
        let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
        table.row([
            format!("{}/{}", pod.namespace, pod.name),
            pod.service_account.clone(),
            addresses.join(","),
            if pod.captured { "yes" } else { "no" }.to_owned(),
            pod.carried_by.join(","),
            pod.netns.display().to_string(),
            pod.problem.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

fn failure(error: &ClientError) -> Failure {
    match error {
        ClientError::Unreachable { .. } => {
            Failure::Unreachable(format!("{error}; is karez-agent running, and are you root?"))
        }
        ClientError::TimedOut { .. } => Failure::Unreachable(format!("{error}; look at karez-agent's log")),
        ClientError::Refused { .. } | ClientError::BadAnswer { .. } => Failure::Wrong(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
