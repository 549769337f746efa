//! `karez uninstall-nodes`: has every node's agent let its Pods go.
//!
//! * [`mod@agents`] – pure: the agents of the cluster's nodes, and which of them can be asked
//! * [`progress`] – pure: what became of each node, and whom to ask next
//!
//! First the controllers take every Pod out of the mesh, so that node proxies stop to dial tunnels; then the agents give the Pods'
//! traffic back. A controller that is away does not keep them from it.

mod agents;
mod progress;

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, UninstallNodes};
use agents::{Agent, agents};
use progress::{Progress, text};

/// How often the cluster is looked at: agents and nodes come and go meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Agents that are asked at a time.
const AT_A_TIME: usize = 64;
/// For one answer: more than the agent takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(75);

/// Asks all agents until every node that lives is done.
///
/// # Errors
/// When the API server refuses, or a node that lives is not done in time.
pub async fn uninstall_nodes(command: &UninstallNodes, format: Format) -> Result<(), Failure> {
    let deadline = Instant::now() + command.timeout;
    let cluster = Cluster::of(&command.cluster).await?;
    if let Err(failure) = cluster.announce_uninstallation().await {
        output::progress(&format!(
            "Pods are let go without a word to the mesh before: {}",
            failure.message()
        ));
    }
    let mut progress = Progress::default();
    let mut answers = JoinSet::new();
    let mut said = String::new();
    while Instant::now() < deadline {
        see(&cluster, &mut progress).await?;
        let room = AT_A_TIME.saturating_sub(answers.len());
        for agent in progress.ask(room) {
            answers.spawn(ask(cluster.clone(), agent));
        }
        if progress.is_over() {
            break;
        }
        say(&progress.waits(), &mut said);
        let next_look = (Instant::now() + LOOK_EVERY).min(deadline);
        while let Ok(Some(Ok((agent, answer)))) =
            tokio::time::timeout_at(next_look, answers.join_next()).await
        {
            progress.note(&agent, answer);
        }
        tokio::time::sleep_until(next_look).await;
    }
    let nodes = progress.nodes();
    match format {
        Format::Json => output::json(&nodes)?,
        Format::Text => output::text(&text(&nodes))?,
    }
    if progress.is_over() { Ok(()) } else { Err(Failure::Found) }
}

/// Looks at the cluster. An API server that is away for a moment is asked again.
async fn see(cluster: &Cluster, progress: &mut Progress) -> Result<(), Failure> {
    let look = async {
        let (nodes, pods) = (cluster.list_all().await?, cluster.agent_pods().await?);
        Ok::<_, Failure>((agents(&nodes, &pods), cluster.agents_wanted().await?))
    };
    match look.await {
        Ok((agents, wanted)) => progress.see(agents, wanted),
        Err(Failure::Unreachable(message)) => output::progress(&message),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

async fn ask(cluster: Cluster, agent: Agent) -> (Agent, Result<(), String>) {
    let running = cluster.run_in_agent(&agent.pod, &["karez-agent", "--uninstall"]);
    let answer = match timeout(ANSWER_WITHIN, running).await {
        Ok(answer) => answer.map_err(|failure| failure.message().to_owned()),
        Err(_elapsed) => Err(format!("no answer within {ANSWER_WITHIN:?}")),
    };
    (agent, answer)
}

/// Says what is waited for, once each.
fn say(waits: &str, said: &mut String) {
    if !waits.is_empty() && waits != said {
        output::progress(&format!("waiting for {waits}"));
        waits.clone_into(said);
    }
}
