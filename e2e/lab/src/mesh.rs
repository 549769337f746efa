//! Controller, agents and node proxies on a lab network.
//!
//! * here – which nodes and Pods there are
//! * `programs` – what runs on them
//! * `operator` – what `karez` does and says

mod operator;
mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::manifests::Manifests;
use crate::network::{Host, Network, Node, Pod, route};
use crate::privilege::Privilege;
use crate::process::Process;

pub use programs::{Carrier, as_application};

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
    /// Files that a node proxy may open; None for as many as the machine allows.
    pub node_open_files: Option<u32>,
    /// Further words for every agent.
    pub agent_arguments: Vec<String>,
    /// TCP's congestion control in the Pods; None for the machine's own.
    pub congestion_control: Option<String>,
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
            node_open_files: None,
            agent_arguments: Vec::new(),
            congestion_control: None,
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
        if let Some(name) = &self.settings.congestion_control {
            pod.namespace().sysctl("net.ipv4.tcp_congestion_control", name).with_context(|| {
                format!(
                    "a Pod cannot have congestion control {name}: see /proc/sys/net/ipv4/tcp_allowed_congestion_control"
                )
            })?;
        }
        self.manifests.pod(&pod)?;
        Ok(pod)
    }

    /// The machine that the controller runs on.
    #[must_use]
    pub fn control(&self) -> &Host {
        &self.control
    }
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
