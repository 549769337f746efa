//! Subcommands and flags.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use karez_api::syntax::{is_label, is_subdomain};

/// The operator's command of the Karez service mesh.
///
/// Exit status: 0 when all is well, 1 when something is wrong, 2 for a wrong use, 3 when a program cannot be reached.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez")]
pub struct Settings {
    /// What is printed: text for people, or JSON for scripts.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables, for people.
    Text,
    /// JSON, for scripts.
    Json,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Take Pods of this machine into the mesh, and out of it.
    #[command(subcommand)]
    Pod(PodCommand),
    /// Say what could break the mesh's promises in the enrolled Pods of this machine: capabilities of their processes, by which
    /// traffic passes by the mesh. Run it as root; it asks no controller. With --cluster: what of a cluster keeps the mesh from
    /// working, before and after it is installed. Exit status 1 when it finds something.
    Check(CheckCommand),
    /// Show nodes, Pods, certificates and roots, and what is wrong: then the exit status is 1.
    Status(StatusCommand),
    /// Print the configuration that a node proxy works with: that of this machine, or of a node of a cluster.
    Dump(DumpCommand),
    /// The certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Take the mesh off every node of a cluster: agents let all Pods go, and take the CNI plugin away. `helm uninstall` runs it
    /// before it deletes anything. Nodes whose kubelet does not answer are named and not waited for. Exit status 1 when a node
    /// that lives is not done in time.
    UninstallNodes(UninstallNodes),
}

/// What to do with Pods.
#[derive(Debug, Clone, Subcommand)]
pub enum PodCommand {
    /// Capture a running Pod's traffic. Doing it again changes nothing; with another service account the Pod gets a new
    /// identity, and what it had open under the old one is reset.
    Add(PodAdd),
    /// Give a Pod's traffic back to it.
    Remove(PodRemove),
    /// List the enrolled Pods of this machine.
    List(AgentSocket),
}

/// `karez pod add`.
#[derive(Debug, Clone, Args)]
pub struct PodAdd {
    /// The Pod.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub pod: PodName,
    /// Its network namespace, such as /run/netns/web or /proc/1234/ns/net.
    #[arg(long, value_name = "PATH")]
    pub netns: PathBuf,
    /// Its service account.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub service_account: String,
    /// One of its addresses; without any, those of its network namespace.
    #[arg(long, value_name = "IP")]
    pub ip: Vec<IpAddr>,
    /// Its uid; without one, NAMESPACE/NAME.
    #[arg(long, value_name = "UID")]
    pub uid: Option<String>,
    /// Where the agent is.
    #[command(flatten)]
    pub agent: AgentSocket,
}

/// `karez pod remove`.
#[derive(Debug, Clone, Args)]
pub struct PodRemove {
    /// The Pod.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub pod: PodName,
    /// Where the agent is.
    #[command(flatten)]
    pub agent: AgentSocket,
}

/// Where the agent is.
#[derive(Debug, Clone, Args)]
pub struct AgentSocket {
    /// The socket of karez-agent.
    #[arg(long, value_name = "SOCKET", default_value = "/run/karez/agent.sock")]
    pub agent: PathBuf,
}

/// `karez check`.
#[derive(Debug, Clone, Args)]
pub struct CheckCommand {
    /// Check the cluster of the kubeconfig, in the place of this machine.
    #[arg(long, conflicts_with = "agent")]
    pub cluster: bool,
    /// Where the agent is.
    #[command(flatten)]
    pub agent: AgentSocket,
    /// The cluster.
    #[command(flatten)]
    pub access: ClusterAccess,
}

/// `karez status`.
#[derive(Debug, Clone, Args)]
pub struct StatusCommand {
    /// Where the controller is.
    #[command(flatten)]
    pub controller: ControllerAddress,
}

/// How the controller is reached: by a kubeconfig, or, where --controller-ca is given, by its address.
#[derive(Debug, Clone, Default, Args)]
pub struct ControllerAddress {
    /// A controller outside of a cluster; https://localhost:15012 when absent.
    #[arg(long, value_name = "https://HOST:PORT", requires = "controller_ca")]
    pub controller: Option<String>,
    /// Certificates that the controller is trusted by: root.pem of its --state-dir.
    #[arg(long, value_name = "FILE", requires = "token_file")]
    pub controller_ca: Option<PathBuf>,
    /// File with an operator's token.
    #[arg(long, value_name = "FILE", requires = "controller_ca")]
    pub token_file: Option<PathBuf>,
    /// The cluster, where none of these is given.
    #[command(flatten)]
    pub cluster: ClusterAccess,
}

/// Where the mesh is in a cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterAccess {
    /// The kubeconfig; KUBECONFIG and ~/.kube/config when absent.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; its current one when absent.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace that the mesh is installed in.
    #[arg(long, short, value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    pub namespace: String,
}

/// The namespace that the mesh is installed in where nobody says otherwise.
const DEFAULT_NAMESPACE: &str = "karez-system";

/// Where the controller is.
#[derive(Debug, Clone, Copy)]
pub enum ControllerPlace<'a> {
    /// At an address.
    Address {
        /// Its URL.
        url: &'a str,
        /// Certificates that it is trusted by.
        ca: &'a Path,
        /// An operator's token.
        token: &'a Path,
    },
    /// In a cluster.
    Cluster(&'a ClusterAccess),
}

impl ControllerAddress {
    /// Where the controller is.
    #[must_use]
    pub fn place(&self) -> ControllerPlace<'_> {
        match (&self.controller_ca, &self.token_file) {
            (Some(ca), Some(token)) => {
                let url = self.controller.as_deref().unwrap_or("https://localhost:15012");
                ControllerPlace::Address { url, ca, token }
            }
            _ => ControllerPlace::Cluster(&self.cluster),
        }
    }
}

impl Default for ClusterAccess {
    fn default() -> Self {
        Self { kubeconfig: None, context: None, namespace: DEFAULT_NAMESPACE.to_owned() }
    }
}

/// `karez dump`.
#[derive(Debug, Clone, Args)]
pub struct DumpCommand {
    /// The node proxy's --admin-listen.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:15000", conflicts_with = "node")]
    pub admin: String,
    /// The node of a cluster whose node proxy is asked, in the place of --admin.
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterAccess,
}

/// What to do with the certificate authority.
#[derive(Debug, Clone, Subcommand)]
pub enum CaCommand {
    /// Begin to sign under a new root, once every node knows it.
    Rotate(RotateCommand),
}

/// `karez ca rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateCommand {
    /// Wait until the new root signs; with --wait=dropped until the old one is no longer trusted either, which takes as long as
    /// its last certificate lives.
    #[arg(long, value_enum, value_name = "STEP", num_args = 0..=1, require_equals = true,
          default_missing_value = "signing")]
    pub wait: Option<WaitFor>,
    /// Go on with the rotation that is under way without the nodes that it waits for. Until they know the new root, their Pods refuse
    /// every peer whose certificate is of it: restart karez-node there instead if you can.
    #[arg(long)]
    pub force: bool,
    /// Where the controller is.
    #[command(flatten)]
    pub controller: ControllerAddress,
}

/// How long a rotation is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// The new root signs.
    Signing,
    /// The old root is no longer trusted.
    Dropped,
}

/// `karez uninstall-nodes`.
#[derive(Debug, Clone, Args)]
pub struct UninstallNodes {
    /// How long the agents are waited for.
    #[arg(long, value_name = "DURATION", default_value = "4m", value_parser = karez_process::duration::parse)]
    pub timeout: Duration,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterAccess,
}

/// Names a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Why a text does not name a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected NAMESPACE/NAME, each of lower-case letters, digits and dashes, a name of dots too, such as shop/web-0"
)]
pub struct InvalidPodName;

impl FromStr for PodName {
    type Err = InvalidPodName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').ok_or(InvalidPodName)?;
        if !is_label(namespace) || !is_subdomain(name) {
            return Err(InvalidPodName);
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests;
