//! Pods of one node, with a packet capture between them.

use anyhow::{Result, ensure};
use karez_e2e::scratch::Scratch;
use karez_e2e::sockets::{dial, echoes};
use karez_e2e::{access_log, peers};
use karez_lab::wire::{Capture, Wire};
use karez_lab::{Mesh, Pod, Settings};

use crate::{PORT, SECRET, pod_addresses, wait_captured};

#[test]
fn they_talk_through_a_tunnel_too() -> Result<()> {
    let scratch = Scratch::create("same-node")?;
    let mut mesh = Mesh::start(scratch.path(), &["n1"], Settings::default())?;
    mesh.manifests.namespace("shop", &[])?;
    let web = mesh.enrolled_pod("n1", "shop/web", "web")?;
    let api = mesh.enrolled_pod("n1", "shop/api", "api")?;
    for pod in [&web, &api] {
        wait_captured(&mesh, pod)?;
    }
    let _server = peers::peer(&mesh, &api, &["--echo", &PORT.to_string()])?;
    let meshed = talk(&mesh, &web, &api)?;
    ensure!(!meshed.contains(SECRET.as_bytes()), "the secret passed between the Pods in the clear");
    ensure!(meshed.count("tcp port 15008")? > 0, "there was no tunnel");
    let line = access_log::wait_for(&mesh, "n1", "the connection as the server's side saw it", |line| {
        line.text("direction") == "inbound" && line.text("src.workload") == "web"
    })?;
    ensure!(line.text("src.identity") == web.identity(), "{line}");

    let plain = mesh.pod("n1", "shop/plain", "plain")?;
    let direct = talk(&mesh, &plain, &api)?;
    ensure!(direct.contains(SECRET.as_bytes()), "the check cannot fail: plaintext was not seen");
    Ok(())
}

/// What the node sees of it.
fn talk(mesh: &Mesh, from: &Pod, to: &Pod) -> Result<Capture> {
    let wire = Wire::tap(mesh.node("n1")?.host().namespace(), "pods", mesh.folder(), "tcp")?;
    let connections = pod_addresses(to).map(|to| dial(from.namespace(), to));
    connections.into_iter().try_for_each(|connection| echoes(&connection?, SECRET))?;
    wire.finish()
}
