//! The agents of a cluster, and a command that is run in one of them.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use karez_api::names::{annotation, label, object};
use kube::Api;
use kube::api::{AttachParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Cluster;
use crate::failure::Failure;

/// What is read of what a command says of its failure.
const LARGEST_MESSAGE: u64 = 16 * 1024;
/// The API's word for a command that ended with 0.
const SUCCESS: &str = "Success";

impl Cluster {
    /// The agents' Pods.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn agent_pods(&self) -> Result<Vec<Pod>, Failure> {
        let labels = ListParams::default().labels(&format!("{}={}", label::APP_NAME, object::AGENT));
        Ok(self.ask("list pods", self.api::<Pod>().list(&labels)).await?.items)
    }

    /// How many nodes are to have an agent.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn agents_wanted(&self) -> Result<usize, Failure> {
        let what = format!("get daemonset {}", object::AGENT);
        let daemon_set = self.ask(&what, self.api::<DaemonSet>().get_opt(object::AGENT)).await?;
        let wanted = daemon_set.and_then(|it| it.status).map_or(0, |status| status.desired_number_scheduled);
        Ok(usize::try_from(wanted).unwrap_or(0))
    }

    /// Has the controllers take every Pod out of the mesh, until the installation is gone: their Service says so, and goes with it.
    ///
    /// # Errors
    /// When the Service is not there, or cannot be changed.
    pub async fn announce_uninstallation(&self) -> Result<(), Failure> {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation::UNINSTALLING: "true"}}}));
        let what = format!("patch service {}", object::CONTROLLER);
        let (services, parameters) = (self.api::<Service>(), PatchParams::default());
        self.ask(&what, services.patch(object::CONTROLLER, &parameters, &patch)).await.map(drop)
    }

    /// Runs a command in an agent until it ends.
    ///
    /// # Errors
    /// With what the command says, when it fails or cannot be run.
    pub async fn run_in_agent(&self, pod: &str, command: &[&str]) -> Result<(), Failure> {
        let pods: Api<Pod> = self.api();
        let parameters = AttachParams::default().container("agent").stdin(false).stdout(false).stderr(true);
        let what = format!("create pods/exec of {pod}");
        let mut process = self.ask(&what, pods.exec(pod, command.iter().copied(), &parameters)).await?;
        let (status, stderr) = (process.take_status(), process.stderr());
        let said = async {
            match stderr {
                Some(stderr) => read(stderr).await,
                None => String::new(),
            }
        };
        let status = async {
            match status {
                Some(status) => status.await,
                None => None,
            }
        };
        let (said, status) = tokio::join!(said, status);
        outcome(pod, &said, status)
    }
}

async fn read(stderr: impl AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    // What was said before the connection broke is worth having.
    let _ = stderr.take(LARGEST_MESSAGE).read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).trim().to_owned()
}

fn outcome(pod: &str, said: &str, status: Option<Status>) -> Result<(), Failure> {
    match status {
        Some(status) if status.status.as_deref() == Some(SUCCESS) => Ok(()),
        Some(_) if !said.is_empty() => Err(Failure::Wrong(said.to_owned())),
        Some(status) => Err(Failure::Wrong(status.message.unwrap_or_default())),
        None => {
            Err(Failure::Unreachable(format!("the connection to Pod {pod} broke before the command ended")))
        }
    }
}
