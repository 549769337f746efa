//! The program's flags.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use karez_process::logs::LogSettings;
use karez_process::{duration, names};
use rustls::pki_types::ServerName;

/// Watches a cluster or a folder of manifests, serves the mesh's node proxies with what follows from it, and signs their certificates.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-controller")]
pub struct Settings {
    /// Folder of Kubernetes manifests (*.yaml, *.yml, *.json), read again whenever they change.
    #[arg(long, value_name = "DIR", required_unless_present = "kubernetes", conflicts_with = "kubernetes")]
    manifests: Option<PathBuf>,
    /// Folder for the certificate authority's keys and for root.pem, which nodes need to reach this port.
    #[arg(long, value_name = "DIR", required_unless_present = "kubernetes", conflicts_with = "kubernetes")]
    state_dir: Option<PathBuf>,
    /// File of bearer tokens, one a line: TOKEN node NODE_NAME, TOKEN agent NODE_NAME, or TOKEN operator. Read again whenever it
    /// changes.
    #[arg(long, value_name = "FILE", required_unless_present = "kubernetes", conflicts_with = "kubernetes")]
    tokens: Option<PathBuf>,
    /// Watch the cluster that this is a Pod of, or else that of KUBECONFIG, in the place of --manifests, --state-dir and --tokens.
    #[arg(long, requires = "namespace", requires = "pod")]
    kubernetes: bool,
    /// On a cluster: the namespace that the mesh is installed in.
    #[arg(long, value_name = "NAME", value_parser = names::namespace)]
    namespace: Option<String>,
    /// On a cluster: the name of this Pod, by which replicas find their leader.
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// Where node proxies and the operator's command are served.
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:15012")]
    pub listen: SocketAddr,
    /// Names by which clients reach this port, beside localhost and the addresses of this machine.
    #[arg(long, value_name = "NAME_OR_IP", value_parser = server_name)]
    pub server_name: Vec<ServerName<'static>>,
    /// Names the cluster in workloads' uids and in telemetry.
    #[arg(long, value_name = "NAME", default_value = "Kubernetes", value_parser = names::cluster)]
    pub cluster_id: String,
    /// The longest that a workload's certificate lives.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::parse)]
    pub leaf_lifetime: Duration,
    /// How long a new root certificate lives.
    #[arg(long, value_name = "DURATION", default_value = "3650d", value_parser = duration::parse)]
    pub root_lifetime: Duration,
    /// On a cluster: how long kubelets take to bring ConfigMap karez-roots to every Pod. A new root signs that much later.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration::parse)]
    pub roots_distribution: Duration,
    /// Connections and streams of this age are ended in good order: nodes connect again, to whatever replica the Service chooses,
    /// with a token that is reviewed anew.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration::parse)]
    pub stream_age: Duration,
    /// Where /metrics and /healthz/ready are served.
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:15014")]
    pub metrics_listen: SocketAddr,
    /// The log.
    #[command(flatten)]
    pub logs: LogSettings,
}

/// What the controller works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// Manifests in a folder.
    Folder {
        /// The folder.
        manifests: PathBuf,
        /// For the authority's state.
        state: PathBuf,
        /// The file of tokens.
        tokens: PathBuf,
    },
    /// A cluster.
    Cluster {
        /// The namespace that the mesh is installed in.
        namespace: String,
        /// The name of this Pod.
        pod: String,
    },
}

impl Settings {
    /// What the controller works on; none where flags are missing, which the command line does not let pass.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        if self.kubernetes {
            let (namespace, pod) = self.namespace.clone().zip(self.pod.clone())?;
            return Some(Platform::Cluster { namespace, pod });
        }
        let (manifests, state) = self.manifests.clone().zip(self.state_dir.clone())?;
        Some(Platform::Folder { manifests, state, tokens: self.tokens.clone()? })
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned()).map_err(|_| "neither a DNS name nor an IP address".to_owned())
}

#[cfg(test)]
mod tests;
