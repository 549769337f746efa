//! The agent's flags.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser};
use karez_handover::Address;
use karez_link::controller;
use karez_process::logs::LogSettings;
use karez_process::names;

use crate::cni::Installation;
use crate::probes::node::PROBE_ADDRESSES;

/// Enrols Pods of this node in the mesh: redirects their traffic and hands their sockets to the node proxy.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-agent")]
pub struct Settings {
    /// Where the node proxy connects; @NAME is an abstract socket in the agent's own network namespace, on Kubernetes in
    /// the node proxy's. The stock of sockets is served beside it, under this name with -stock added.
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
    #[arg(long, value_name = "ADDRESS", conflicts_with = "node")]
    pub zds_socket: Option<Address>,

    /// Source addresses of kubelet's probes, which reach the application directly, in strict mode too. Only for a node that
    /// sends its probes from there and drops packets of others that carry such an address. On Kubernetes the agent has the
    /// node do so, with addresses of its own.
    #[arg(long, value_name = "IP", value_delimiter = ',', conflicts_with = "node")]
    pub probe_address: Vec<IpAddr>,

    /// Whether Pods' DNS queries are captured.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub dns_capture: bool,

    /// Where Prometheus metrics and readiness are served, if anywhere.
    #[arg(long, value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Asks the agent that runs on this node to let all Pods go and to take the CNI plugin away, on Kubernetes; ends when
    /// that is done. The agent enrols nothing any more until it is started anew.
    #[arg(long)]
    pub uninstall: bool,

    /// On Kubernetes.
    #[command(flatten)]
    pub cluster: ClusterSettings,

    /// The log.
    #[command(flatten)]
    pub logs: LogSettings,
}

/// What the agent is told on Kubernetes, where the controller says which Pods of the node are in the mesh.
#[derive(Debug, Clone, Args)]
pub struct ClusterSettings {
    /// Name of this node, as the Pods' `nodeName` has it: the agent follows what the controller says of the node's Pods.
    #[arg(long, value_parser = names::node)]
    pub node: Option<String>,

    /// The controller.
    #[arg(long, value_name = "https://HOST:PORT")]
    pub controller: Option<String>,

    /// PEM roots that prove the controller; read again at every connection.
    #[arg(long, value_name = "FILE")]
    pub controller_ca: Option<PathBuf>,

    /// Token that proves this agent to the controller; read again at every call.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Names that the program of kubelet may have. Kubelet's probes are known by its cgroup: with a program that is the API
    /// server too (k3s-server, kubelite), what that passes on to Pods is exempt from strict mode as well.
    #[arg(long, default_value = "kubelet,k3s-agent", value_name = "NAME", value_delimiter = ',')]
    pub kubelet: Vec<String>,

    /// Kubernetes namespace that the agent runs in.
    #[arg(long, default_value = "karez-system", value_parser = names::namespace)]
    pub namespace: String,

    /// File that notes that the node was uninstalled, in a folder that lives as long as the agent's Pod: an agent that finds it
    /// enrols nothing.
    #[arg(long, value_name = "FILE", requires = "node")]
    pub uninstalled_marker: Option<PathBuf>,

    /// The node's procfs, by which the network namespaces of its Pods are found.
    #[arg(long, default_value = "/proc", value_name = "DIRECTORY")]
    pub proc: PathBuf,

    /// Where the container runtime looks for networks' configurations: the CNI plugin is chained to the first by name,
    /// which has to be a .conflist. The path is the same on the node and here.
    #[arg(long, value_name = "DIRECTORY", requires_all = ["cni_bin_dir", "node"])]
    pub cni_conf_dir: Option<PathBuf>,

    /// Where the container runtime looks for CNI plugins.
    #[arg(long, value_name = "DIRECTORY", requires = "cni_conf_dir")]
    pub cni_bin_dir: Option<PathBuf>,

    /// Installs no CNI plugin, and takes away what an earlier agent installed there.
    #[arg(long, requires = "cni_conf_dir")]
    pub without_cni_plugin: bool,

    /// The CNI plugin that is installed there.
    #[arg(long, default_value = "/usr/local/bin/karez-cni", value_name = "FILE")]
    pub cni_program: PathBuf,
}

impl ClusterSettings {
    /// How the controller is reached; None without Kubernetes.
    ///
    /// # Errors
    /// When some of what that takes is said, and some is not.
    pub fn controller(&self) -> Result<Option<controller::Settings>, IncompleteSettings> {
        let Self { node, controller, controller_ca, token_file, .. } = self.clone();
        match (node, controller, controller_ca, token_file) {
            (None, None, None, None) => Ok(None),
            (Some(node), Some(url), Some(ca_file), Some(token_file)) => Ok(Some(controller::Settings {
                url,
                ca_file,
                token_file,
                node,
                namespace: self.namespace.clone(),
                cluster_id: CLUSTER_ID.to_owned(),
            })),
            _ => Err(IncompleteSettings),
        }
    }
}

/// Some flags are there, and some that belong to them are not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("on Kubernetes --node, --controller, --controller-ca and --token-file are needed, all four")]
pub struct IncompleteSettings;

impl Settings {
    /// The addresses that probes come from: none but where somebody keeps them from everybody else.
    #[must_use]
    pub fn probe_addresses(&self) -> Vec<IpAddr> {
        if self.cluster.node.is_some() { PROBE_ADDRESSES.to_vec() } else { self.probe_address.clone() }
    }

    /// Where the CNI plugin is installed, or was; None where nobody knows.
    #[must_use]
    pub fn cni_installation(&self) -> Option<Installation> {
        Some(Installation {
            program: self.cluster.cni_program.clone(),
            bin_dir: self.cluster.cni_bin_dir.clone()?,
            conf_dir: self.cluster.cni_conf_dir.clone()?,
            socket: self.enrol_socket.clone(),
            exempt: CLUSTERS_OWN
                .iter()
                .copied()
                .chain([self.cluster.namespace.as_str()])
                .map(str::to_owned)
                .collect(),
        })
    }
}

/// Namespaces whose Pods never wait, beside Karez's own: without them a node does not heal.
const CLUSTERS_OWN: [&str; 2] = ["kube-system", "kube-node-lease"];
/// Told to the controller, which goes by the token.
const CLUSTER_ID: &str = "Kubernetes";

#[cfg(test)]
mod tests;
