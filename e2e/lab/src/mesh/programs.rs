//! The programs of a mesh: started, stopped, waited for and asked one by one.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Mesh, MeshNode, NODE_UID, READY};
use crate::namespace::Namespace;
use crate::privilege::Privilege;
use crate::process::Process;
use crate::wait;

/// What carries traffic, by process ids. Children of these processes belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carrier {
    /// The proxy.
    pub proxy: u32,
    /// The agent that opens its sockets, if there is one.
    pub agent: Option<u32>,
}

impl Mesh {
    /// Starts the controller, and waits for its root certificate.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_controller(&mut self) -> Result<()> {
        let state = self.folder().join("controller");
        let mut command = self.control.namespace().command(&self.program("karez-controller")?);
        command.arg("--manifests").arg(self.manifests.folder()).arg("--state-dir").arg(&state);
        command.arg("--tokens").arg(self.folder().join("tokens"));
        command.args(["--server-name", &self.control.v4().to_string()]);
        command.args(["--leaf-lifetime", &self.settings.leaf_lifetime]);
        let mut controller = Process::start("controller", self.folder(), command)?;
        wait::until("the controller's root certificate", READY, || {
            controller.ensure_running()?;
            ensure!(state.join("root.pem").exists(), "root.pem is not there yet");
            Ok(())
        })?;
        self.controller = Some(controller);
        Ok(())
    }

    /// Starts a node's agent.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_agent(&mut self, name: &str) -> Result<()> {
        let socket = self.agent_socket(name);
        let state = self.folder().join(format!("{name}-agent"));
        let node = self.node(name)?;
        let mut command = node.host().namespace().command(&self.program("karez-agent")?);
        command.arg("--enrol-socket").arg(&socket).arg("--state-dir").arg(&state);
        match self.privilege {
            Privilege::Root => command.args(["--node-uid", &NODE_UID.to_string()]),
            Privilege::OneUid => command.args(["--node-uid", "0"]),
        };
        command.args(&self.settings.agent_arguments);
        let mut agent = Process::start(&format!("{name}-agent"), self.folder(), command)?;
        wait::until(&format!("the agent of {name}"), READY, || {
            agent.ensure_running()?;
            std::os::unix::net::UnixStream::connect(&socket)
                .with_context(|| socket.display().to_string())
                .map(|_| ())
        })?;
        self.nodes.get_mut(name).context("no such node")?.agent = Some(agent);
        Ok(())
    }

    /// Starts a node's proxy, without any privilege; does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_node(&mut self, name: &str) -> Result<()> {
        let limit = self.settings.node_open_files.map(|files| format!("--nofile={files}"));
        let mut command = self.node(name)?.host().namespace().command("prlimit");
        command.args(limit).args(self.privilege.unprivileged(NODE_UID)).arg(self.program("karez-node")?);
        command.args(["--node", name, "--controller", &self.controller_url()]);
        command.arg("--controller-ca").arg(self.controller_ca(name));
        command.arg("--token-file").arg(self.folder().join(format!("{name}.token")));
        command.args(["--workers", &self.settings.workers.to_string()]).args(&self.settings.node_arguments);
        let proxy = Process::start(&format!("{name}-node"), self.folder(), command)?;
        self.nodes.get_mut(name).context("no such node")?.proxy = Some(proxy);
        Ok(())
    }

    /// Waits until a node's proxy says that it is ready.
    ///
    /// # Errors
    /// When it does not in time, or ends.
    pub fn wait_ready(&mut self, name: &str) -> Result<()> {
        let node = self.nodes.get_mut(name).with_context(|| format!("no node {name}"))?;
        let MeshNode { node, proxy, .. } = node;
        let proxy = proxy.as_mut().context("the node proxy was not started")?;
        wait::until(&format!("the proxy of {name} to be ready"), READY, || {
            proxy.ensure_running()?;
            node.host()
                .namespace()
                .run("curl", &["-sS", "-f", "-m", "2", "http://127.0.0.1:15021/healthz/ready"])
                .map(|_| ())
        })
    }

    /// Gives a node a copy of the controller's roots as they are now: from its next start its proxy reads that one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn copy_roots(&self, name: &str) -> Result<PathBuf> {
        let copy = self.root_copy(name);
        fs::copy(self.folder().join("controller/root.pem"), &copy)?;
        Ok(copy)
    }

    fn root_copy(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}-root.pem"))
    }

    fn controller_ca(&self, name: &str) -> PathBuf {
        let copy = self.root_copy(name);
        if copy.exists() { copy } else { self.folder().join("controller/root.pem") }
    }

    /// The controller, to be killed (take it) or signalled.
    pub fn controller(&mut self) -> &mut Option<Process> {
        &mut self.controller
    }

    /// A node's agent, to be killed (take it) or signalled.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn agent(&mut self, name: &str) -> Result<&mut Option<Process>> {
        Ok(&mut self.nodes.get_mut(name).with_context(|| format!("no node {name}"))?.agent)
    }

    /// A node's proxy, to be killed (take it) or signalled.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn proxy(&mut self, name: &str) -> Result<&mut Option<Process>> {
        Ok(&mut self.nodes.get_mut(name).with_context(|| format!("no node {name}"))?.proxy)
    }

    /// The controller's process id, if it was started.
    #[must_use]
    pub fn controller_pid(&self) -> Option<u32> {
        self.controller.as_ref().map(Process::pid)
    }

    /// The processes that carry a node's traffic.
    ///
    /// # Errors
    /// When there is no such node, or its proxy does not run.
    pub fn carrier(&self, name: &str) -> Result<Carrier> {
        let node = self.nodes.get(name).with_context(|| format!("no node {name}"))?;
        let proxy = node.proxy.as_ref().context("the node proxy was not started")?;
        Ok(Carrier { proxy: proxy.pid(), agent: node.agent.as_ref().map(Process::pid) })
    }

    /// What a node's proxy has printed: its log and the access log.
    #[must_use]
    pub fn node_log(&self, name: &str) -> String {
        self.nodes.get(name).and_then(|node| node.proxy.as_ref()).map(Process::log).unwrap_or_default()
    }

    /// A node proxy's metrics.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn metrics(&self, name: &str) -> Result<String> {
        self.node(name)?
            .host()
            .namespace()
            .run("curl", &["-sS", "-f", "-m", "5", "http://127.0.0.1:15020/metrics"])
    }

    /// The Unix socket on which a node's agent enrols Pods.
    #[must_use]
    pub fn agent_socket(&self, node: &str) -> PathBuf {
        self.folder().join(format!("{node}-agent.sock"))
    }

    /// Where node proxies and operators find the controller.
    #[must_use]
    pub fn controller_url(&self) -> String {
        format!("https://{}:15012", self.control.v4())
    }

    /// Path of a Karez program.
    ///
    /// # Errors
    /// When it is not built.
    pub fn program(&self, name: &str) -> Result<String> {
        let path = self.settings.programs.join(name);
        ensure!(path.exists(), "{} is not built", path.display());
        Ok(path.display().to_string())
    }
}

/// A command for a Pod's or host's namespace as some user who is not root: what an application is.
pub fn as_application(privilege: Privilege, namespace: &Namespace, uid: u32, program: &str) -> Command {
    let words = privilege.not_uid_zero(uid);
    let mut command = namespace.command(words.first().map_or("setpriv", String::as_str));
    command.args(words.iter().skip(1)).arg(program);
    command
}
