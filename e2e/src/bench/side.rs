//! Who carries the load: nobody, a pair of HAProxies, Karez, or another node proxy under Karez's controller and agent.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::mesh::Carrier;
use karez_lab::other::OtherProxy;
use karez_lab::{Mesh, Pod, Process, wait};
use serde_json::json;

use crate::bench::case::{Bed, ECHO, Route, SINK, SOURCE};
use crate::bench::haproxy::{self, Certificates};
use crate::peers;

/// The two nodes of the bench: the client is on the first.
pub const NODES: [&str; 2] = ["n1", "n2"];

/// One side: a client, a server on either node, and what stands between them.
#[derive(Debug)]
pub struct Side {
    /// Its name in the JSON.
    pub name: String,
    client: Pod,
    same: Way,
    cross: Way,
    _programs: Vec<Process>,
    _others: Vec<OtherProxy>,
}

/// How one server is reached.
#[derive(Debug)]
struct Way {
    server: Pod,
    /// Where the client dials, and what is added to the server's ports there.
    target: IpAddr,
    port_shift: u16,
    carriers: Vec<Carrier>,
}

impl Side {
    /// The side's client and server for a case.
    #[must_use]
    pub fn bed(&self, route: Route) -> Bed<'_> {
        let way = match route {
            Route::Same => &self.same,
            Route::Cross => &self.cross,
        };
        Bed {
            client: self.client.namespace(),
            target: way.target,
            port_shift: way.port_shift,
            carriers: &way.carriers,
        }
    }

    /// Pods that no proxy serves.
    ///
    /// # Errors
    /// When Pods or servers cannot be made.
    pub fn direct(mesh: &mut Mesh) -> Result<Self> {
        Self::pods(mesh, "direct")
    }

    /// Pods joined by HAProxies that speak mTLS to each other.
    ///
    /// # Errors
    /// When Pods, servers or HAProxies cannot be made.
    pub fn haproxy(mesh: &mut Mesh) -> Result<Self> {
        let mut side = Self::pods(mesh, "haproxy")?;
        let certificates = Certificates::create(&mesh.folder().join("haproxy"))?;
        for (way, place) in
            [(&mut side.same, haproxy::Place::First), (&mut side.cross, haproxy::Place::Second)]
        {
            let far = haproxy::far(mesh, &certificates, &way.server)?;
            let near = haproxy::near(mesh, &certificates, &side.client, &way.server, place)?;
            way.target = Ipv4Addr::LOCALHOST.into();
            way.port_shift = place.shift();
            way.carriers = [&near, &far].map(|proxy| Carrier { proxy: proxy.pid(), agent: None }).to_vec();
            side._programs.extend([near, far]);
        }
        side.wait_reachable()?;
        Ok(side)
    }

    /// Pods enrolled in the lab's own mesh, under a policy that lets the client in.
    ///
    /// # Errors
    /// When Pods cannot be made or enrolled.
    pub fn karez(mesh: &mut Mesh) -> Result<Self> {
        let mut side = Self::pods(mesh, "karez")?;
        let client = json!([{"from": [{"source": {"principals": ["cluster.local/ns/karez/sa/client"]}}]}]);
        mesh.manifests.policy("karez", "clients", &json!({"action": "Allow", "rules": client}))?;
        for pod in [&side.client, &side.same.server, &side.cross.server] {
            mesh.enrol(pod)?;
        }
        mesh.wait_in_sync()?;
        let [first, second] = NODES;
        side.same.carriers = vec![mesh.carrier(first)?];
        side.cross.carriers = vec![mesh.carrier(first)?, mesh.carrier(second)?];
        side.wait_reachable()?;
        Ok(side)
    }

    /// Pods enrolled with another node proxy, which Karez's agents feed by ZDS and Karez's controller configures.
    ///
    /// # Errors
    /// When it cannot be started, or carries nothing.
    pub fn other(mesh: &mut Mesh, name: &str, program: &Path) -> Result<Self> {
        let mut side = Self::pods(mesh, name)?;
        let [first, second] = NODES.map(|node| OtherProxy::start(mesh, node, name, program));
        let (first, second) = (first?, second?);
        first.enrol(mesh, &side.client)?;
        first.enrol(mesh, &side.same.server)?;
        second.enrol(mesh, &side.cross.server)?;
        side.same.carriers = vec![first.carrier()];
        side.cross.carriers = vec![first.carrier(), second.carrier()];
        side._others.extend([first, second]);
        side.wait_reachable()?;
        Ok(side)
    }

    fn pods(mesh: &mut Mesh, name: &str) -> Result<Self> {
        let [first, second] = NODES;
        // What did not come by a tunnel is refused: nobody's figures can be those of plain TCP.
        mesh.manifests.namespace(name, &[("karez.dev/mtls", "strict")])?;
        let client = roomy(mesh.pod(first, &format!("{name}/client"), "client")?)?;
        let mut programs = Vec::new();
        let mut way = |mesh: &mut Mesh, node: &str, pod: &str| -> Result<Way> {
            let server = roomy(mesh.pod(node, &format!("{name}/{pod}"), "server")?)?;
            let ports = [("--echo", ECHO), ("--sink", SINK), ("--source", SOURCE)]
                .map(|(key, port)| [key.to_owned(), port.to_string()]);
            let ports: Vec<&str> = ports.iter().flatten().map(String::as_str).collect();
            programs.push(peers::peer(mesh, &server, &ports)?);
            Ok(Way { target: server.v4.into(), server, port_shift: 0, carriers: Vec::new() })
        };
        let same = way(mesh, first, "same")?;
        let cross = way(mesh, second, "cross")?;
        Ok(Self { name: name.to_owned(), client, same, cross, _programs: programs, _others: Vec::new() })
    }

    fn wait_reachable(&self) -> Result<()> {
        for route in [Route::Same, Route::Cross] {
            let bed = self.bed(route);
            wait::until(&format!("{} to carry a connection", self.name), Duration::from_secs(20), || {
                let to = bed.address(ECHO).to_string();
                let printed = bed.client.run(&peers::peer_program()?, &["churn", &to, "--most", "1"])?;
                let figures: crate::peer::load::Figures =
                    serde_json::from_str(&printed).context("karez-peer")?;
                let error = figures.first_error.unwrap_or_default();
                ensure!(figures.units == 1, "{to} does not answer: {error}");
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// With ports for all connections of a bench. Those of closed ones serve again after a second: a minute's worth is more than
/// there are, and what was measured then was the search for a port.
fn roomy(pod: Pod) -> Result<Pod> {
    pod.namespace().sysctl("net.ipv4.ip_local_port_range", "'10000 65000'")?;
    pod.namespace().sysctl("net.ipv4.tcp_tw_reuse", "1")?;
    Ok(pod)
}
