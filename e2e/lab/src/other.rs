//! Another node proxy in the place of Karez's: one that speaks ZDS, and the controller's xDS and CA.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::mesh::{Carrier, Mesh};
use crate::network::Pod;
use crate::process::Process;
use crate::wait;

/// The proxy of one node, and an agent that feeds it.
#[derive(Debug)]
pub struct OtherProxy {
    agent: Process,
    proxy: Process,
    enrol_socket: PathBuf,
}

/// What the program is told, each in an environment variable.
pub const ENVIRONMENT: [(&str, &str); 6] = [
    ("PEER_NODE", "name of the node"),
    ("PEER_CONTROLLER", "https://HOST:PORT of delta xDS and of the CA"),
    ("PEER_CONTROLLER_CA", "file with the roots that prove the controller"),
    ("PEER_TOKEN_FILE", "file with the bearer token of the node"),
    ("PEER_ZDS_SOCKET", "path of the ZDS socket"),
    ("PEER_CLUSTER_ID", "name of the cluster"),
];

impl OtherProxy {
    /// Starts agent and proxy on a node; `program` is run with [`ENVIRONMENT`] and no argument, as root.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(mesh: &Mesh, node: &str, name: &str, program: &Path) -> Result<Self> {
        let folder = mesh.folder();
        let at = |suffix: &str| folder.join(format!("{node}-{name}{suffix}"));
        let (enrol_socket, zds_socket) = (at("-agent.sock"), at("-zds.sock"));
        let mut command = mesh.node(node)?.host().namespace().command(&mesh.program("karez-agent")?);
        command.arg("--enrol-socket").arg(&enrol_socket).arg("--state-dir").arg(at("-agent"));
        command.arg("--zds-socket").arg(&zds_socket).args(["--node-socket", &format!("@karez-agent-{name}")]);
        command.args(["--node-uid", "0"]);
        let agent = Process::start(&format!("{node}-{name}-agent"), folder, command)?;
        wait::until("the ZDS socket", Duration::from_secs(10), || {
            zds_socket.exists().then_some(()).context("not there yet")
        })?;
        let mut command: Command =
            mesh.node(node)?.host().namespace().command(&program.display().to_string());
        command.env("PEER_NODE", node).env("PEER_CONTROLLER", mesh.controller_url());
        command.env("PEER_CONTROLLER_CA", folder.join("controller/root.pem"));
        command.env("PEER_TOKEN_FILE", folder.join(format!("{node}.token")));
        command.env("PEER_ZDS_SOCKET", &zds_socket).env("PEER_CLUSTER_ID", "Kubernetes");
        let proxy = Process::start(&format!("{node}-{name}"), folder, command)?;
        Ok(Self { agent, proxy, enrol_socket })
    }

    /// Enrols a Pod of this node with it.
    ///
    /// # Errors
    /// With what `karez pod add` printed.
    pub fn enrol(&self, mesh: &Mesh, pod: &Pod) -> Result<()> {
        mesh.enrol_by(pod, &self.enrol_socket)
    }

    /// Removes a Pod from it.
    ///
    /// # Errors
    /// With what `karez pod remove` printed.
    pub fn remove(&self, mesh: &Mesh, pod: &Pod) -> Result<()> {
        mesh.remove_by(pod, &self.enrol_socket)
    }

    /// What the program has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.proxy.log()
    }

    /// Proxy and agent.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        Carrier { proxy: self.proxy.pid(), agent: Some(self.agent.pid()) }
    }
}
