//! One call of the plugin, from the runtime's words to the answer.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::agent::{self, AskError};
use crate::agent_file::Found;
use crate::configuration::{Configuration, Entry, VERSIONS};
use crate::decision::{Decision, Urgency, decide};
use crate::failure::{Code, Failure};
use crate::invocation::{Invocation, NewPod};
use crate::message::AddRequest;

/// Between two attempts to reach the agent.
const PAUSE: Duration = Duration::from_millis(250);

/// What `VERSION` is answered before any version is agreed upon.
const NEWEST: &str = "1.1.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions<'a> {
    cni_version: &'a str,
    supported_versions: [&'a str; VERSIONS.len()],
}

/// Does what is asked for, and gives what the runtime is to read; nothing for most commands. `input` is standard input, `uptime`
/// how long the node has been running.
///
/// # Errors
/// When the Pod may not start.
pub fn run(invocation: &Invocation, input: &[u8], uptime: Duration) -> Result<String, Failure> {
    match invocation {
        Invocation::Nothing => Ok(String::new()),
        Invocation::Version => {
            // Text has a form in JSON.
            let versions = Versions { cni_version: NEWEST, supported_versions: VERSIONS };
            Ok(serde_json::to_string(&versions).unwrap_or_default())
        }
        Invocation::Add(pod) => {
            let configuration = Configuration::read(input)?;
            let result = result_before(&configuration)?;
            wait_for_agent(pod, &configuration.entry, uptime)?;
            Ok(result)
        }
        Invocation::AddForeign => result_before(&Configuration::read(input)?),
    }
}

/// The result of the plugin before, which is passed on.
fn result_before(configuration: &Configuration) -> Result<String, Failure> {
    let result = configuration.prev_result.as_ref().ok_or_else(|| {
        let message =
            "karez-cni makes no network of its own: chain it behind the plugin that does (in a .conflist)";
        Failure::new(Code::Configuration, message)
    })?;
    Ok(result.to_string())
}

/// Waits until the Pod may start.
fn wait_for_agent(pod: &NewPod, entry: &Entry, uptime: Duration) -> Result<(), Failure> {
    let Entry { socket, agent_file, exempt, .. } = entry;
    let now = SystemTime::now();
    let found = Found::read(agent_file, now);
    match decide(&pod.namespace, exempt, found.as_ref(), now, uptime) {
        Decision::Pass(_) => Ok(()),
        Decision::Ask(urgency) => wait_for_capture(pod, socket, urgency),
    }
}

fn wait_for_capture(pod: &NewPod, socket: &Path, urgency: Urgency) -> Result<(), Failure> {
    let NewPod { namespace, name, uid, netns } = pod.clone();
    let request = AddRequest { namespace, name, uid, netns };
    let deadline = Instant::now() + urgency.patience();
    loop {
        let Err(error) = agent::add(socket, &request, deadline) else { return Ok(()) };
        match (urgency, &error) {
            // Its own label may put it in the mesh; then the agent finds it.
            (Urgency::MayPass, AskError::NoAnswer { .. } | AskError::Unknown(_)) => return Ok(()),
            (Urgency::MayPass | Urgency::MustKnow, _) => {}
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(Failure::new(Code::TryAgainLater, refusal(&request, &error)));
        }
        sleep(PAUSE);
    }
}

fn refusal(request: &AddRequest, error: &AskError) -> String {
    let AddRequest { namespace, name, .. } = request;
    format!(
        "Pod {namespace}/{name} is not started, because it would run outside the mesh: {error}. See that karez-agent runs \
         on this node and reaches its controller"
    )
}

#[cfg(test)]
mod tests;
