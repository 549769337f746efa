//! An agent that feeds another node proxy than Karez's, by ZDS.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets;
use karez_lab::other::OtherProxy;
use karez_lab::wait;

use super::PORT;

#[test]
fn a_proxy_that_speaks_zds_gets_the_pods_namespaces_and_what_they_dial() -> Result<()> {
    let mut shop = Shop::open("zds", &[(PORT, PORT)])?;
    let program = shop.mesh.folder().join("zds.py");
    fs::write(&program, include_str!("zds.py"))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let proxy = OtherProxy::start(&shop.mesh, "n1", "zds", &program)?;

    let pod = shop.mesh.pod("n1", "shop/other", "other")?;
    proxy.enrol(&shop.mesh, &pod)?;
    let added = format!("added shop/other {}", fs::metadata(pod.namespace().path())?.ino());
    ensure!(proxy.log().contains(&added), "not {added:?}: {}", proxy.log());
    let asked = "203.0.113.7:8080";
    let said = sockets::rest(&sockets::dial(pod.namespace(), asked)?)?;
    ensure!(said == format!("to {asked}"), "{said}");

    proxy.remove(&shop.mesh, &pod)?;
    wait::until("the proxy to be told", Duration::from_secs(5), || {
        ensure!(proxy.log().contains("deleted shop/other"), "{}", proxy.log());
        Ok(())
    })?;
    ensure!(pod.namespace().run("nft", &["list", "tables"])?.is_empty(), "its rules are left");
    Ok(())
}
