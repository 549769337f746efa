//! What the configuration does not say yet, and what it says no more.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::{access_log, peers, sockets};
use serde_json::json;

const PORT: u16 = 8080;
/// As long as the node proxy waits for an address of the mesh to be known.
const WAIT: Duration = Duration::from_secs(5);

#[test]
fn a_workload_that_leaves_the_configuration_takes_the_tunnels_to_it_along() -> Result<()> {
    let shop = Shop::open("gone", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let stream = sockets::dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    sockets::echoes(&stream, "known")?;
    shop.mesh.manifests.remove_pod(&shop.api)?;
    sockets::ensure_reset(&stream)?;
    let line = access_log::wait_for(&shop.mesh, "n1", "what was cut", access_log::Line::is_failure)?;
    ensure!(line.text("response_flags") == "CLOSING", "{line}");
    Ok(())
}

#[test]
fn an_address_of_the_mesh_that_nobody_knows_is_waited_for_and_then_refused() -> Result<()> {
    let shop = Shop::open("unknown", &[(PORT, PORT)])?;
    shop.mesh.manifests.mesh(&json!({"addressRanges": ["10.64.0.0/10"]}))?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    shop.mesh.manifests.remove_pod(&shop.api)?;
    shop.mesh.wait_in_sync()?;

    let early = sockets::dial(shop.web.namespace(), format!("{}:{PORT}", shop.api.v4))?;
    shop.mesh.manifests.pod(&shop.api)?;
    sockets::echoes(&early, "before it was known")?;

    let begun = Instant::now();
    let nobody = sockets::dial(shop.web.namespace(), format!("10.127.0.1:{PORT}"))?;
    sockets::ensure_reset(&nobody)?;
    ensure!(begun.elapsed() >= WAIT, "refused after {:?}", begun.elapsed());
    let line = access_log::wait_for(&shop.mesh, "n1", "the refusal", access_log::Line::is_failure)?;
    ensure!(line.text("error").contains("10.127.0.1"), "{line}");
    Ok(())
}
