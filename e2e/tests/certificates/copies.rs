//! A node whose copy of the controller's roots is older than the roots.

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Settings, wait};

use crate::renewal::ends;

#[test]
fn a_node_proxy_finds_a_controller_again_whose_root_its_file_does_not_have() -> Result<()> {
    let settings = Settings { leaf_lifetime: "4s".to_owned(), ..Settings::default() };
    let mut shop = Shop::open_with("copies", &[(8080, 8080)], settings)?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let copy = shop.mesh.copy_roots("n1")?;
    drop(shop.mesh.proxy("n1")?.take());
    shop.mesh.start_node("n1")?;
    shop.mesh.wait_ready("n1")?;
    shop.mesh.wait_in_sync()?;

    shop.mesh.karez(&["ca", "rotate", "--wait=dropped"])?;
    drop(shop.mesh.controller().take());
    shop.mesh.start_controller()?;
    shop.mesh.wait_in_sync()?;
    let ca = format!("--controller-ca={}", copy.display());
    let (status, _, stderr) = shop.mesh.karez_status(&["status", &ca])?;
    ensure!(status != Some(0) && stderr.contains("certificate"), "the copy is not old: {status:?} {stderr}");

    let before = ends(&shop.mesh.status()?);
    wait::until("the restarted controller to renew every certificate", PATIENCE, || {
        let after = ends(&shop.mesh.status()?);
        ensure!(after.len() == 2 && before.iter().all(|end| !after.contains(end)), "{before:?} {after:?}");
        Ok(())
    })?;
    sockets::echoes(&sockets::dial(shop.web.namespace(), format!("{VIP}:8080"))?, "still there")
}
