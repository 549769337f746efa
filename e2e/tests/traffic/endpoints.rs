//! Which endpoints of a Service get the connections: those that are ready, of these the near ones or the client's own where the
//! Service asks for it, and those that end where nobody else is left.

use std::collections::BTreeSet;
use std::net::TcpStream;

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Pod, Process, wait};
use serde_json::{Value, json};

const ZONE: &str = "topology.kubernetes.io/zone";
/// Says whose it is.
const NAME: u16 = 8080;
const ECHO: u16 = 7000;
/// Enough that each worker has some, and that chance spares no endpoint.
const MANY: usize = 32;

#[test]
fn an_endpoint_that_is_not_ready_gets_no_new_connection_and_keeps_what_it_has() -> Result<()> {
    let world = World::open("not-ready", &json!({}), ["a", "a", "a"])?;
    world.wait_served_by(&["api", "near"])?;
    let held = (0..MANY).map(|_| world.dial_echo()).collect::<Result<Vec<_>>>()?;
    world.shop.mesh.manifests.pod_not_ready(&world.near)?;
    world.wait_served_by(&["api"])?;
    held.iter().try_for_each(|connection| sockets::echoes(connection, "still here"))?;
    world.shop.mesh.manifests.pod(&world.near)?;
    world.wait_served_by(&["api", "near"])
}

#[test]
fn an_endpoint_whose_slice_says_that_it_is_not_ready_gets_no_new_connection() -> Result<()> {
    let world = World::open("slice", &json!({}), ["a", "a", "a"])?;
    for (near_is_ready, expected) in [(false, &["api"][..]), (true, &["api", "near"])] {
        world.shop.mesh.manifests.write("slice.yaml", &world.slice(near_is_ready))?;
        world.wait_served_by(expected)?;
    }
    Ok(())
}

/// As a StatefulSet of one has it while its Pod is replaced.
#[test]
fn endpoints_that_terminate_serve_while_nobody_else_does() -> Result<()> {
    let world = World::open("terminating", &json!({}), ["a", "a", "a"])?;
    let manifests = &world.shop.mesh.manifests;
    manifests.pod_terminating(&world.near)?;
    world.wait_served_by(&["api"])?;
    manifests.pod_terminating(&world.shop.api)?;
    world.wait_served_by(&["api", "near"])?;
    manifests.pod_not_ready(&world.near)?;
    world.wait_served_by(&["api"])?;
    manifests.pod(&world.near)?;
    world.wait_served_by(&["near"])
}

#[test]
fn a_client_keeps_its_endpoint_where_the_service_says_so() -> Result<()> {
    let world = World::open("affinity", &json!({"sessionAffinity": "ClientIP"}), ["a", "a", "a"])?;
    let served = world.served()?;
    ensure!(served.len() == 1, "one client has {served:?}");
    let both = [&world.shop.api, &world.near];
    let [kept, other] = if served.contains("api") { both } else { [both[1], both[0]] };
    world.ensure_preferred(kept, other)
}

#[test]
fn prefer_same_node_takes_the_endpoint_of_the_node_while_it_is_ready() -> Result<()> {
    let world = World::open("same-node", &json!({"trafficDistribution": "PreferSameNode"}), ["a", "a", "a"])?;
    world.ensure_preferred(&world.near, &world.shop.api)
}

#[test]
fn prefer_close_takes_the_endpoint_of_the_zone_while_it_is_ready() -> Result<()> {
    // The node does not count: the endpoint of the client's zone is on the other one.
    let world = World::open("close", &json!({"trafficDistribution": "PreferClose"}), ["a", "b", "a"])?;
    world.ensure_preferred(&world.shop.api, &world.near)
}

#[test]
fn internal_traffic_policy_local_takes_no_endpoint_of_another_node() -> Result<()> {
    let world = World::open("local", &json!({"internalTrafficPolicy": "Local"}), ["a", "a", "a"])?;
    world.wait_served_by(&["near"])?;
    world.shop.mesh.manifests.pod_not_ready(&world.near)?;
    wait::until("connections to be refused", PATIENCE, || {
        let admitted = sockets::is_admitted(world.shop.web.namespace(), format!("{VIP}:{ECHO}"))?;
        ensure!(!admitted, "another node's endpoint serves, or this one still does");
        Ok(())
    })
}

/// The client `web` and the endpoint `near` on one node, the endpoint `api` on another.
struct World {
    shop: Shop,
    near: Pod,
    _servers: Vec<Process>,
}

impl World {
    /// A Service with these further fields, and its Pods in these zones: `web`, `near` and `api`.
    fn open(name: &str, service: &Value, [web, near, api]: [&str; 3]) -> Result<Self> {
        let ports = [(80, NAME), (ECHO, ECHO)];
        let mut shop = Shop::open(&format!("endpoints-{name}"), &ports)?;
        shop.mesh.manifests.service_with("shop", "api", &[VIP, VIP6], &ports, service)?;
        shop.web = shop.web.label(ZONE, web);
        shop.api = shop.api.label(ZONE, api);
        let near = shop.mesh.pod("n1", "shop/near", "api")?.label("app", "api").label(ZONE, near);
        let mut servers = Vec::new();
        for pod in [&shop.web, &shop.api, &near] {
            shop.mesh.manifests.pod(pod)?;
            shop.mesh.enrol(pod)?;
        }
        for pod in [&shop.api, &near] {
            let says = format!("location / {{ return 200 {}; }}", pod.name);
            servers.push(peers::nginx_with(&shop.mesh, pod, NAME, &says)?.0);
            servers.push(peers::peer(&shop.mesh, pod, &["--echo", &ECHO.to_string()])?);
        }
        shop.mesh.wait_in_sync()?;
        Ok(Self { shop, near, _servers: servers })
    }

    /// Checks that one endpoint serves while it is ready, and the other only meanwhile.
    fn ensure_preferred(&self, preferred: &Pod, other: &Pod) -> Result<()> {
        self.wait_served_by(&[&preferred.name])?;
        let held = self.dial_echo()?;
        self.shop.mesh.manifests.pod_not_ready(preferred)?;
        self.wait_served_by(&[&other.name])?;
        sockets::echoes(&held, "still here")?;
        self.shop.mesh.manifests.pod(preferred)?;
        self.wait_served_by(&[&preferred.name])
    }

    fn dial_echo(&self) -> Result<TcpStream> {
        let stream = sockets::dial(self.shop.web.namespace(), format!("{VIP}:{ECHO}"))?;
        sockets::echoes(&stream, "hello")?;
        Ok(stream)
    }

    /// Until many connections in a row are served by these and no other, each by some: until the manifests have arrived.
    fn wait_served_by(&self, names: &[&str]) -> Result<()> {
        wait::until("its endpoints to serve", PATIENCE, || {
            let served = self.served()?;
            ensure!(served.iter().eq(names), "served by {served:?}, not {names:?}");
            Ok(())
        })
    }

    /// Who serves many connections, over IPv4 and IPv6.
    fn served(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for address in [VIP.to_owned(), format!("[{VIP6}]")].iter().cycle().take(MANY) {
            let url = format!("http://{address}/");
            names.insert(self.shop.web.namespace().run("curl", &["-sSf", "-g", "-m", "5", &url])?);
        }
        Ok(names)
    }

    /// An EndpointSlice of the Service, in which `near` is ready or not.
    fn slice(&self, near_is_ready: bool) -> String {
        let endpoint = |pod: &Pod, ready: bool| {
            json!({
                "addresses": [pod.v4.to_string()], "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": pod.name},
            })
        };
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": "api-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "api"},
            },
            "ports": [{"name": "p80", "port": NAME}, {"name": format!("p{ECHO}"), "port": ECHO}],
            "endpoints": [endpoint(&self.near, near_is_ready), endpoint(&self.shop.api, true)],
        })
        .to_string()
    }
}
