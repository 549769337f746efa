//! Controller, agents and node proxies on a lab network: started, stopped and restarted one by one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::manifests::Manifests;
use crate::network::{Host, Network, Node, Pod, route};
use crate::privilege::Privilege;
use crate::process::Process;
use crate::wait;

/// The uid of the node proxies: the default of the agent.
const NODE_UID: u32 = 1337;
const READY: Duration = Duration::from_secs(20);

/// What a lab may choose differently from the programs' defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the programs are: a cargo target folder.
    pub programs: PathBuf,
    /// Worker threads of a node proxy.
    pub workers: u8,
    /// `--leaf-lifetime` of the controller.
    pub leaf_lifetime: String,
    /// Further words for every node proxy.
    pub node_arguments: Vec<String>,
    /// Further words for every agent.
    pub agent_arguments: Vec<String>,
}

/// A network with two or more nodes under one controller.
#[derive(Debug)]
pub struct Mesh {
    settings: Settings,
    privilege: Privilege,
    /// The switch and its hosts.
    pub network: Network,
    /// What the controller reads.
    pub manifests: Manifests,
    control: Host,
    controller: Option<Process>,
    nodes: BTreeMap<String, MeshNode>,
}

/// What carries traffic, by process ids. Children of these processes belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carrier {
    /// The proxy.
    pub proxy: u32,
    /// The agent that opens its sockets, if there is one.
    pub agent: Option<u32>,
}

#[derive(Debug)]
struct MeshNode {
    node: Node,
    agent: Option<Process>,
    proxy: Option<Process>,
}

impl Default for Settings {
    /// The programs beside the running one: what cargo built together with it.
    fn default() -> Self {
        let programs = std::env::var_os("LAB_PROGRAMS").map(PathBuf::from).or_else(|| {
            let me = std::env::current_exe().ok()?;
            let folder = me.parent()?;
            Some(if folder.ends_with("deps") { folder.parent()?.to_owned() } else { folder.to_owned() })
        });
        Self {
            programs: programs.unwrap_or_default(),
            workers: 2,
            leaf_lifetime: "24h".to_owned(),
            node_arguments: Vec::new(),
            agent_arguments: Vec::new(),
        }
    }
}

impl Mesh {
    /// Builds the network with these nodes and starts every program; returns when the node proxies are ready.
    ///
    /// # Errors
    /// When anything cannot be made or started.
    pub fn start(folder: &Path, nodes: &[&str], settings: Settings) -> Result<Self> {
        let mut mesh = Self::prepare(folder, nodes, settings)?;
        mesh.start_controller()?;
        for name in nodes {
            mesh.start_agent(name)?;
            mesh.start_node(name)?;
        }
        for name in nodes {
            mesh.wait_ready(name)?;
        }
        Ok(mesh)
    }

    /// Builds the network with these nodes, and starts nothing.
    ///
    /// # Errors
    /// When anything cannot be made.
    pub fn prepare(folder: &Path, nodes: &[&str], settings: Settings) -> Result<Self> {
        let privilege = Privilege::detect()?;
        fs::create_dir_all(folder)?;
        let mut network = Network::create(folder)?;
        let control = network.host("control")?;
        let mut built = BTreeMap::new();
        for name in nodes {
            let node = MeshNode { node: network.node(name)?, agent: None, proxy: None };
            built.insert((*name).to_owned(), node);
        }
        for from in built.values() {
            for to in built.values().filter(|to| to.node.name() != from.node.name()) {
                route(from.node.host(), &to.node)?;
            }
            route(&control, &from.node)?;
        }
        let tokens: String = nodes
            .iter()
            .map(|name| format!("{} node {name}\n", token(name)))
            .chain(["operator-token operator\n".to_owned()])
            .collect();
        write_private(&folder.join("tokens"), &tokens)?;
        write_private(&folder.join("operator.token"), "operator-token\n")?;
        for name in nodes {
            let file = folder.join(format!("{name}.token"));
            write_private(&file, &format!("{}\n", token(name)))?;
            if privilege == Privilege::Root {
                nix::unistd::chown(&file, Some(NODE_UID.into()), None)?;
            }
        }
        let manifests = Manifests::create(&folder.join("manifests"))?;
        Ok(Self { settings, privilege, network, manifests, control, controller: None, nodes: built })
    }

    /// A host outside the mesh, with routes to the Pods of every node.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn outside(&mut self, name: &str) -> Result<Host> {
        let host = self.network.host(name)?;
        for node in self.nodes.values() {
            route(&host, &node.node)?;
        }
        Ok(host)
    }

    /// A node's machine.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn node(&self, name: &str) -> Result<&Node> {
        Ok(&self.nodes.get(name).with_context(|| format!("no node {name}"))?.node)
    }

    /// What programs of the lab may do.
    #[must_use]
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// The lab's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.network.folder()
    }

    /// A Pod with its manifest, not enrolled.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn pod(&mut self, node: &str, reference: &str, service_account: &str) -> Result<Pod> {
        let (namespace, name) = reference.split_once('/').context("a Pod is NAMESPACE/NAME")?;
        let folder = self.network.folder().to_owned();
        let node = self.nodes.get_mut(node).with_context(|| format!("no node {node}"))?;
        let pod = node.node.pod(&folder, namespace, name, service_account)?;
        self.manifests.pod(&pod)?;
        Ok(pod)
    }

    /// A Pod with its manifest, enrolled as its user would: `karez pod add`.
    ///
    /// # Errors
    /// When it cannot be made or enrolled.
    pub fn enrolled_pod(&mut self, node: &str, reference: &str, service_account: &str) -> Result<Pod> {
        let pod = self.pod(node, reference, service_account)?;
        self.enrol(&pod)?;
        Ok(pod)
    }

    /// `karez pod add`.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn enrol(&self, pod: &Pod) -> Result<()> {
        self.enrol_by(pod, &self.agent_socket(&pod.node))
    }

    /// `karez pod add` on a given agent's socket.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn enrol_by(&self, pod: &Pod, socket: &Path) -> Result<()> {
        let netns = pod.namespace().path().display().to_string();
        let socket = socket.display().to_string();
        self.karez(&[
            "pod",
            "add",
            &pod.reference(),
            "--netns",
            &netns,
            "--service-account",
            &pod.service_account,
            "--agent",
            &socket,
        ])
        .map(|_| ())
    }

    /// `karez pod remove`.
    ///
    /// # Errors
    /// With what the command printed.
    pub fn remove(&self, pod: &Pod) -> Result<()> {
        let socket = self.agent_socket(&pod.node).display().to_string();
        self.karez(&["pod", "remove", &pod.reference(), "--agent", &socket]).map(|_| ())
    }

    /// The operator's command, run beside the controller; gives its standard output.
    ///
    /// # Errors
    /// With its exit status and what it printed to standard error.
    pub fn karez(&self, arguments: &[&str]) -> Result<String> {
        let (status, stdout, stderr) = self.karez_status(arguments)?;
        ensure!(status == Some(0), "karez {}: exit {status:?}: {stderr}{stdout}", arguments.join(" "));
        Ok(stdout)
    }

    /// The operator's command: exit status, standard output, standard error.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn karez_status(&self, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
        let output = self
            .control
            .namespace()
            .command(&self.program("karez")?)
            .args(arguments)
            .env("KAREZ_CONTROLLER", self.controller_url())
            .env("KAREZ_CONTROLLER_CA", self.folder().join("controller/root.pem"))
            .env("KAREZ_TOKEN_FILE", self.folder().join("operator.token"))
            .output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((output.status.code(), text(output.stdout), text(output.stderr)))
    }

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
            Privilege::OneUid => command.args(["--node-uid", "0", "--socket-uid", "none"]),
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
        let words = self.privilege.unprivileged(NODE_UID);
        let (setpriv, options) = words.split_first().context("no command")?;
        let mut command = self.node(name)?.host().namespace().command(setpriv);
        command.args(options).arg(self.program("karez-node")?);
        command.args(["--node", name, "--controller", &self.controller_url()]);
        command.arg("--controller-ca").arg(self.controller_ca(name));
        command.arg("--token-file").arg(self.folder().join(format!("{name}.token")));
        command.args(["--workers", &self.settings.workers.to_string()]).args(&self.settings.node_arguments);
        let proxy = Process::start(&format!("{name}-node"), self.folder(), command)?;
        self.nodes.get_mut(name).context("no such node")?.proxy = Some(proxy);
        Ok(())
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

    /// Waits until the controller knows every Pod that has a manifest, and every node is in sync with it.
    ///
    /// # Errors
    /// After 20 s, with the last status.
    pub fn wait_in_sync(&self) -> Result<()> {
        wait::until("the mesh to be in sync", READY, || {
            let status = self.status()?;
            let list = |key: &str| status.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            // A Pod that a node carries and no manifest has is listed without an identity.
            let known =
                list("pods").iter().filter(|pod| pod.get("identity").is_some_and(Value::is_string)).count();
            ensure!(known == self.manifests.pods()?, "{known} Pods are known: {status}");
            let behind = list("nodes").into_iter().any(|node| node.get("inSync") != Some(&Value::Bool(true)));
            ensure!(!behind && list("nodes").len() == self.nodes.len(), "not in sync: {status}");
            Ok(())
        })
    }

    /// `karez status --output json`.
    ///
    /// # Errors
    /// When the controller cannot be asked.
    pub fn status(&self) -> Result<Value> {
        let (status, stdout, stderr) = self.karez_status(&["status", "--output", "json"])?;
        if !matches!(status, Some(0 | 1)) {
            bail!("karez status: exit {status:?}: {stderr}");
        }
        Ok(serde_json::from_str(&stdout)?)
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

    /// What a node's proxy has printed: its log and the access log.
    #[must_use]
    pub fn node_log(&self, name: &str) -> String {
        self.nodes.get(name).and_then(|node| node.proxy.as_ref()).map(Process::log).unwrap_or_default()
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

    /// The machine that the controller runs on.
    #[must_use]
    pub fn control(&self) -> &Host {
        &self.control
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
pub fn as_application(
    privilege: Privilege,
    namespace: &crate::Namespace,
    uid: u32,
    program: &str,
) -> Command {
    let words = privilege.not_uid_zero(uid);
    let mut command = namespace.command(words.first().map_or("setpriv", String::as_str));
    command.args(words.iter().skip(1)).arg(program);
    command
}

fn token(node: &str) -> String {
    format!("token-of-{node}")
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
