//! Nodes, Pods and hosts joined by a switch, each a network namespace.
//!
//! Hosts have `10.99.0.N` and `fd99::N` on the switch. The Pods of node N have `10.64+N.0.M` and `fd64:N::M` behind a bridge in
//! the node's namespace, which routes between them and the switch as a Kubernetes network does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::namespace::Namespace;

/// Hardware address of every node's bridge. Without one of its own a bridge takes the lowest of its ports': the next Pod would
/// change it, and what the other Pods send would be lost until they ask for it again.
const BRIDGE_ADDRESS: &str = "02:00:00:00:00:01";

/// A machine on the switch: a node, or a host outside the mesh.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    number: u8,
}

/// A machine that runs Pods.
#[derive(Debug)]
pub struct Node {
    host: Host,
    pods: u8,
}

/// A Pod: a namespace with an address of its own behind a node.
#[derive(Debug)]
pub struct Pod {
    namespace: Namespace,
    /// Kubernetes namespace.
    pub kube_namespace: String,
    /// Pod's name.
    pub name: String,
    /// Service account's name.
    pub service_account: String,
    /// Labels as they stand in its manifest.
    pub labels: Vec<(String, String)>,
    /// The node's name.
    pub node: String,
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

/// The switch, and the folder that everything of this lab lives in.
#[derive(Debug)]
pub struct Network {
    folder: PathBuf,
    switch: Namespace,
    hosts: u8,
}

impl Network {
    /// An empty network; `folder` is created and holds the namespaces' mounts, logs and sockets.
    ///
    /// # Errors
    /// When namespaces or links cannot be made.
    pub fn create(folder: &Path) -> Result<Self> {
        let switch = Namespace::create(&folder.join("netns"), "switch")?;
        switch.ip(&["link add wire type bridge".to_owned(), "link set wire up".to_owned()])?;
        Ok(Self { folder: folder.to_owned(), switch, hosts: 0 })
    }

    /// The lab's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The namespace of the switch: its ports carry the names of the hosts, and `wire` sees all.
    #[must_use]
    pub fn switch(&self) -> &Namespace {
        &self.switch
    }

    /// Adds a machine without Pods.
    ///
    /// # Errors
    /// When namespaces or links cannot be made.
    pub fn host(&mut self, name: &str) -> Result<Host> {
        self.hosts = self.hosts.checked_add(1).context("too many hosts")?;
        let host =
            Host { namespace: Namespace::create(&self.folder.join("netns"), name)?, number: self.hosts };
        host.namespace.ip(&[
            format!("link add eth0 type veth peer name {name} netns {}", self.switch.path().display()),
            format!("addr add {}/24 dev eth0", host.v4()),
            format!("addr add {}/64 dev eth0 nodad", host.v6()),
            "link set eth0 up".to_owned(),
        ])?;
        self.switch.ip(&[format!("link set {name} master wire"), format!("link set {name} up")])?;
        Ok(host)
    }

    /// Adds a node, and the routes between it and `others`.
    ///
    /// # Errors
    /// When namespaces, links or routes cannot be made.
    pub fn node(&mut self, name: &str) -> Result<Node> {
        let host = self.host(name)?;
        let node = Node { host, pods: 1 };
        let namespace = &node.host.namespace;
        namespace.ip(&[
            format!("link add pods address {BRIDGE_ADDRESS} type bridge"),
            format!("addr add {}/24 dev pods", node.pod_v4(1)),
            format!("addr add {}/64 dev pods nodad", node.pod_v6(1)),
            "link set pods up".to_owned(),
        ])?;
        namespace.sysctl("net.ipv4.ip_forward", "1")?;
        namespace.sysctl("net.ipv6.conf.all.forwarding", "1")?;
        Ok(node)
    }
}

/// Teaches `from` the way to the Pods of `to`.
///
/// # Errors
/// When the route cannot be set.
pub fn route(from: &Host, to: &Node) -> Result<()> {
    from.namespace.ip(&[
        format!("route replace 10.{}.0.0/24 via {}", to.block(), to.host.v4()),
        format!("route replace fd64:{:x}::/64 via {}", to.host.number, to.host.v6()),
    ])
}

impl Host {
    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Its address on the switch.
    #[must_use]
    pub fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, 0, self.number)
    }

    /// Its IPv6 address on the switch.
    #[must_use]
    pub fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, u16::from(self.number))
    }
}

impl Node {
    /// The machine itself.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// Adds a Pod with the next free address.
    ///
    /// # Errors
    /// When namespaces or links cannot be made.
    pub fn pod(&mut self, folder: &Path, namespace: &str, name: &str, service_account: &str) -> Result<Pod> {
        self.pods = self.pods.checked_add(1).context("too many Pods on one node")?;
        self.pod_at(folder, self.pods, namespace, name, service_account)
    }

    /// Adds a Pod with the address number `number`: the way to reuse the address of a Pod that is gone.
    ///
    /// # Errors
    /// When namespaces or links cannot be made.
    pub fn pod_at(
        &self,
        folder: &Path,
        number: u8,
        namespace: &str,
        name: &str,
        service_account: &str,
    ) -> Result<Pod> {
        let pod = Pod {
            namespace: Namespace::create(&folder.join("netns"), &format!("{namespace}-{name}"))?,
            kube_namespace: namespace.to_owned(),
            name: name.to_owned(),
            service_account: service_account.to_owned(),
            labels: vec![("app".to_owned(), name.to_owned())],
            node: self.name().to_owned(),
            v4: self.pod_v4(number),
            v6: self.pod_v6(number),
        };
        let port = format!("p{number}");
        pod.namespace.ip(&[
            format!(
                "link add eth0 type veth peer name {port} netns {}",
                self.host.namespace.path().display()
            ),
            format!("addr add {}/24 dev eth0", pod.v4),
            format!("addr add {}/64 dev eth0 nodad", pod.v6),
            "link set eth0 up".to_owned(),
            format!("route add default via {}", self.pod_v4(1)),
            format!("route add default via {}", self.pod_v6(1)),
        ])?;
        self.host.namespace.ip(&[
            format!("link set {port} master pods"),
            format!("link set {port} up"),
            // What a CNI plugin's announcement does: whoever had the addresses before had another hardware address.
            format!("neigh flush to {} dev pods", pod.v4),
            format!("neigh flush to {} dev pods", pod.v6),
        ])?;
        Ok(pod)
    }

    fn block(&self) -> u8 {
        self.host.number.saturating_add(64)
    }

    fn pod_v4(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.block(), 0, number)
    }

    fn pod_v6(&self, number: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd64, u16::from(self.host.number), 0, 0, 0, 0, 0, u16::from(number))
    }
}

impl Pod {
    /// Its network namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// `NAMESPACE/NAME`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kube_namespace, self.name)
    }

    /// Both addresses.
    #[must_use]
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }

    /// The SPIFFE id that the mesh gives it in the trust domain `cluster.local`.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/{}", self.kube_namespace, self.service_account)
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.retain(|(existing, _)| existing != key);
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }
}
