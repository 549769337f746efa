//! What cannot be enrolled.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::dial;

use crate::PORT;

/// Long enough for a refusal, were there one.
const SILENCE: Duration = Duration::from_millis(500);

#[test]
fn what_is_no_pods_namespace_is_refused_by_name() -> Result<()> {
    let shop = Shop::open("errors", &[(PORT, PORT)])?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let host = shop.mesh.node("n1")?.host().namespace().path().display().to_string();
    for netns in ["/run/no/such/file", "/etc/hostname", &host] {
        let (status, _, said) =
            shop.mesh.karez_status(&["pod", "add", "shop/odd", "--netns", netns, "--agent", &socket])?;
        ensure!(status != Some(0), "{netns} was enrolled");
        ensure!(said.contains(netns), "the error does not name {netns}: {said}");
    }
    let (status, _, said) =
        shop.mesh.karez_status(&["pod", "add", "odd", "--netns", &host, "--agent", &socket])?;
    ensure!(status != Some(0) && said.contains("NAMESPACE/NAME"), "exit {status:?}: {said}");
    Ok(())
}

#[test]
fn a_pod_that_no_manifest_has_is_captured_and_waits_and_the_operator_is_told_why() -> Result<()> {
    let shop = Shop::open("errors-ghost", &[(PORT, PORT)])?;
    let ghost = shop.mesh.node("n1")?.pod_at(shop.mesh.folder(), 77, "shop", "ghost", "ghost")?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let netns = ghost.namespace().path().display().to_string();
    let (status, said, _) = shop.mesh.karez_status(&[
        "pod",
        "add",
        "shop/ghost",
        "--netns",
        &netns,
        "--service-account",
        "ghost",
        "--agent",
        &socket,
    ])?;
    ensure!(status == Some(1), "exit {status:?}: {said}");
    let reason = format!("runs no live Pod of {}", ghost.identity());
    ensure!(said.contains("shop/ghost") && said.contains(&reason), "it does not say why: {said}");
    ensure!(dial(ghost.namespace(), format!("{}:{PORT}", shop.api.v4)).is_ok_and(|new| is_silent(&new)));

    shop.mesh.manifests.pod(&ghost)?;
    crate::wait_captured(&shop.mesh, &ghost)
}

/// Whether nothing is sent, and the connection neither ends.
fn is_silent(stream: &TcpStream) -> bool {
    let read = stream.set_read_timeout(Some(SILENCE)).and_then(|()| (&mut &*stream).read(&mut [0]));
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}
