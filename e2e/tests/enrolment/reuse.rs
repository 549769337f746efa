//! An address that goes from one identity to another, and Pods on one node.

use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::scratch::Scratch;
use karez_e2e::sockets::{dial, echoes};
use karez_e2e::{access_log, peers};
use karez_lab::{Mesh, Settings, wait};

use crate::{PORT, wait_captured};

#[test]
fn an_address_reused_by_another_identity_is_reached_as_that_one() -> Result<()> {
    let scratch = Scratch::create("reuse")?;
    let mut mesh = Mesh::start(scratch.path(), &["n1", "n2"], Settings::default())?;
    mesh.manifests.namespace("shop", &[])?;
    let web = mesh.enrolled_pod("n1", "shop/web", "web")?;
    let one = mesh.enrolled_pod("n2", "shop/one", "one")?;
    mesh.wait_in_sync()?;
    let to = format!("{}:{PORT}", one.v4);
    let server = peers::peer(&mesh, &one, &["--echo", &PORT.to_string()])?;
    let older = dial(web.namespace(), &to)?;
    echoes(&older, "one")?;

    let (address, reference) = (one.v4, one.reference());
    drop(server);
    mesh.remove(&one)?;
    mesh.manifests.remove_pod(&one)?;
    drop(one);
    let [.., number] = address.octets();
    // The old Pod's namespace goes once nobody holds a socket of it any more.
    let port = format!("p{number}");
    wait::until("the old Pod's namespace to go", Duration::from_secs(20), || {
        let found = mesh.node("n2")?.host().namespace().output("ip", &["link", "show", &port])?;
        ensure!(!found.status.success(), "its link is still there: somebody holds the namespace");
        Ok(())
    })?;
    let two = mesh.node("n2")?.pod_at(mesh.folder(), number, "shop", "two", "two")?;
    ensure!(two.v4 == address && two.reference() != reference);
    mesh.manifests.pod(&two)?;
    mesh.enrol(&two)?;
    wait_captured(&mesh, &two)?;
    let _server = peers::peer(&mesh, &two, &["--echo", &PORT.to_string()])?;
    wait::until("the new Pod to answer", Duration::from_secs(10), || {
        echoes(&dial(web.namespace(), &to)?, "two")
    })?;
    ensure!(echoes(&older, "one?").is_err(), "a connection to the Pod that is gone goes on");
    for (node, field) in [("n1", "dst.identity"), ("n2", "dst.identity")] {
        let line = access_log::wait_for(&mesh, node, "a connection to the new Pod", |line| {
            line.text("dst.workload") == "two" && !line.is_failure()
        })?;
        ensure!(line.text(field) == two.identity(), "{line}");
    }
    Ok(())
}

#[test]
fn pods_on_one_node_talk_through_a_tunnel_too() -> Result<()> {
    let scratch = Scratch::create("same-node")?;
    let mut mesh = Mesh::start(scratch.path(), &["n1"], Settings::default())?;
    mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
    let web = mesh.enrolled_pod("n1", "shop/web", "web")?;
    let api = mesh.enrolled_pod("n1", "shop/api", "api")?;
    mesh.wait_in_sync()?;
    for pod in [&web, &api] {
        wait_captured(&mesh, pod)?;
    }
    let _server = peers::peer(&mesh, &api, &["--echo", &PORT.to_string()])?;
    echoes(&dial(web.namespace(), format!("{}:{PORT}", api.v4))?, "neighbour")?;
    let line = access_log::wait_for(&mesh, "n1", "the connection as the server's side saw it", |line| {
        line.text("direction") == "inbound" && line.text("src.workload") == "web"
    })?;
    ensure!(line.text("src.identity") == web.identity(), "{line}");
    Ok(())
}
