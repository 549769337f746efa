//! The agent's flags.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use karez_handover::Address;
use karez_process::logs::LogSettings;

/// Enrols Pods of this node in the mesh: redirects their traffic and hands their sockets to the node proxy.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-agent")]
pub struct Settings {
    /// Where the node proxy connects; @NAME is an abstract socket in the agent's own network namespace. The stock of
    /// sockets is served beside it, under this name with -stock added.
    #[arg(long, default_value = "@karez-agent", value_name = "ADDRESS")]
    pub node_socket: Address,

    /// Unix HTTP socket on which Pods are enrolled and removed.
    #[arg(long, default_value = "/run/karez/agent.sock", value_name = "PATH")]
    pub enrol_socket: PathBuf,

    /// Where the enrolled Pods are kept over a restart of the agent. It has to be gone after a reboot, as the Pods are.
    #[arg(long, default_value = "/run/karez", value_name = "DIRECTORY")]
    pub state_dir: PathBuf,

    /// Uid that the node proxy runs as: nobody else is served. No other process of the node may have it: it would be given
    /// sockets in every enrolled Pod. The default is Istio's for its proxies.
    #[arg(long, default_value_t = 1337, value_name = "UID")]
    pub node_uid: u32,

    /// Feed a ztunnel by Istio's ZDS on this socket, in the place of Karez's node proxy.
    #[arg(long, value_name = "ADDRESS")]
    pub zds_socket: Option<Address>,

    /// Source addresses of kubelet's probes, which reach the application directly, in strict mode too. Only for a node that
    /// sends its probes from there and drops packets of others that carry such an address.
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub probe_address: Vec<IpAddr>,

    /// Whether Pods' DNS queries are captured.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub dns_capture: bool,

    /// Where Prometheus metrics and readiness are served, if anywhere.
    #[arg(long, value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// The log.
    #[command(flatten)]
    pub logs: LogSettings,
}

#[cfg(test)]
mod tests;
