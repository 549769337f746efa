//! The program's flags.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use karez_process::logs::LogSettings;
use karez_process::{duration, names};
use rustls::pki_types::ServerName;

/// Watches manifests, serves the mesh's node proxies with what follows from them, and signs their certificates.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-controller")]
pub struct Settings {
    /// Folder of Kubernetes manifests (*.yaml, *.yml, *.json), read again whenever they change.
    #[arg(long, value_name = "DIR")]
    pub manifests: PathBuf,
    /// Folder for the certificate authority's keys and for root.pem, which nodes need to reach this port.
    #[arg(long, value_name = "DIR")]
    pub state_dir: PathBuf,
    /// File of bearer tokens, one a line: TOKEN node NODE_NAME, or TOKEN operator. Read again whenever it changes.
    #[arg(long, value_name = "FILE")]
    pub tokens: PathBuf,
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
    /// Where /metrics and /healthz/ready are served.
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:15014")]
    pub metrics_listen: SocketAddr,
    /// The log.
    #[command(flatten)]
    pub logs: LogSettings,
}

fn server_name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned()).map_err(|_| "neither a DNS name nor an IP address".to_owned())
}
