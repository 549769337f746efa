//! What cannot be enrolled.

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;

use crate::PORT;

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
