//! Pods that enter in mid-transfer, with a packet capture.

use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::peers::{self, Load};
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_e2e::sockets::{self, PATIENCE, dial, echoes, listen};
use karez_e2e::{access_log, dump};
use karez_lab::{Pod, wait};

use crate::{PORT, SECRET, SYN, ensure_cut_when_used, pod_addresses, tap, wait_captured};

const LOAD: &str = "8";
const OLDER: &str = "older than the mesh";

#[test]
fn what_was_open_lives_on_and_what_is_new_takes_the_tunnel() -> Result<()> {
    let shop = Shop::outside_the_mesh("enter", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let addresses = pod_addresses(&shop.api);
    let mut older = Vec::new();
    let mut loads = Vec::new();
    for to in &addresses {
        older.push(dial(shop.web.namespace(), to)?);
        loads.push(load(&shop, "pingpong", to)?);
        loads.push(load(&shop, "churn", to)?);
    }
    older.iter().try_for_each(|older| echoes(older, "before"))?;
    enter(&shop, &[])?;
    older.iter().try_for_each(|older| echoes(older, OLDER))?;
    access_log::wait_for(&shop.mesh, "n2", "a connection of the load by the tunnel", |line| {
        line.text("src.identity") == shop.web.identity()
    })?;

    let wire = tap(&shop)?;
    // Often: under this load the capture may lose a packet.
    for _ in 0..10 {
        older.iter().try_for_each(|older| echoes(older, OLDER))?;
        for to in addresses.iter().chain(&[format!("{VIP}:{PORT}"), format!("[{VIP6}]:{PORT}")]) {
            echoes(&dial(shop.web.namespace(), to)?, SECRET)?;
        }
    }
    loads.iter_mut().try_for_each(Load::ensure_running)?;
    let seen = wire.finish()?;
    ensure!(seen.count("tcp port 15008")? > 0, "new connections did not take the tunnel");
    let direct = seen.lines(&format!("{SYN} and port {PORT}"), &[])?;
    ensure!(direct.is_empty(), "new connections went past the mesh: {direct:#?}");
    ensure!(!seen.contains(SECRET.as_bytes()), "a new connection crossed the wire in the clear");
    ensure!(seen.contains(OLDER.as_bytes()), "the check cannot fail: what lives on was not seen");

    for load in loads {
        let figures = load.finish(Duration::from_secs(20))?;
        ensure!(figures.errors == 0 && figures.units > 100, "{figures:?}");
    }
    older.iter().try_for_each(|older| echoes(older, "and on"))
}

/// The mesh announces Pods by their labels, a moment before they are captured.
#[test]
fn a_pod_that_is_announced_is_waited_for_until_it_is_captured() -> Result<()> {
    let mut shop = Shop::open("announced", &[(PORT, PORT)])?;
    let late = shop.mesh.pod("n2", "shop/late", "late")?;
    let _server = peers::peer(&shop.mesh, &late, &["--echo", &PORT.to_string()])?;
    shop.mesh.wait_in_sync()?;
    let dialled = pod_addresses(&late).map(|to| dial(shop.web.namespace(), to));
    shop.mesh.enrol(&late)?;
    dialled.into_iter().try_for_each(|dialled| echoes(&dialled?, SECRET))
}

#[test]
fn an_older_connection_from_the_port_that_a_new_one_gets_is_not_in_its_way() -> Result<()> {
    let shop = Shop::outside_the_mesh("enter-ports", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let [to, _] = pod_addresses(&shop.api);
    ports(&shop.web, "40000 40039")?;
    let older = (0..20).map(|_| dial(shop.web.namespace(), &to)).collect::<Result<Vec<_>>>()?;
    ports(&shop.web, "50000 60000")?;
    // To the application, new connections come from the client's address and a port of the Pod's own.
    ports(&shop.api, "40000 40099")?;
    enter(&shop, &[])?;
    for _ in 0..30 {
        echoes(&dial(shop.web.namespace(), &to)?, SECRET)?;
    }
    older.iter().try_for_each(|older| echoes(older, OLDER))
}

/// Bounds what the kernel chooses for a Pod's ports.
fn ports(pod: &Pod, range: &str) -> Result<()> {
    let write = "echo \"$0\" > /proc/sys/net/ipv4/ip_local_port_range";
    pod.namespace().run("sh", &["-c", write, range]).map(|_| ())
}

#[test]
fn in_strict_mode_both_ends_of_what_was_open_are_reset() -> Result<()> {
    let shop = Shop::outside_the_mesh("enter-strict", &[(PORT, PORT)])?;
    let listener = listen(shop.api.namespace(), 9090)?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let mut older = Vec::new();
    for from in [shop.web.namespace(), shop.outside.namespace()] {
        for ip in shop.api.addresses() {
            let to = std::net::SocketAddr::new(ip, 9090);
            older.push((dial(from, to.to_string())?, listener.accept()?));
        }
    }
    for (client, server) in &older {
        sockets::carries(client, server, "before")?;
    }
    enter(&shop, &[("karez.dev/mtls", "strict")])?;
    for (client, server) in &older {
        ensure_cut_when_used(server)?;
        ensure_cut_when_used(client)?;
    }
    for to in pod_addresses(&shop.api) {
        ensure!(sockets::is_admitted(shop.web.namespace(), &to)?, "the meshed client does not reach {to}");
        ensure!(!sockets::is_admitted(shop.outside.namespace(), &to)?, "plaintext reaches {to}");
    }
    Ok(())
}

/// The server first: a client that is in the mesh expects a server of a meshed namespace to be there as well.
fn enter(shop: &Shop, annotations: &[(&str, &str)]) -> Result<()> {
    shop.mesh.manifests.namespace("shop", annotations)?;
    for pod in [&shop.api, &shop.web] {
        shop.mesh.enrol(pod)?;
        wait_captured(&shop.mesh, pod)?;
    }
    wait::until("n1 to expect a tunnel", PATIENCE, || {
        let workloads = dump::dump(&shop.mesh, "n1")?.to_string();
        ensure!(workloads.contains("Hbone") && !workloads.contains("Plaintext"), "{workloads}");
        Ok(())
    })
}

fn load(shop: &Shop, kind: &str, to: &str) -> Result<Load> {
    peers::load(&shop.mesh, &shop.web, &[kind, to, "--connections", "2", "--seconds", LOAD])
}
