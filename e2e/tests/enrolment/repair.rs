//! Somebody else changes a Pod's rules.

use std::time::Duration;

use anyhow::Result;
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_lab::wait;

use crate::PORT;

#[test]
fn they_are_put_right_under_an_open_connection() -> Result<()> {
    let shop = Shop::open("repair", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    for harm in ["nft flush ruleset", "nft flush chain inet karez outbound", "ip rule del pref 32764"] {
        let sound = shop.web.namespace().run("sh", &["-c", "nft list ruleset; ip rule"])?;
        echoes(&live, "before")?;
        shop.web.namespace().run("sh", &["-c", harm])?;
        wait::until(&format!("{harm:?} to be put right"), Duration::from_secs(10), || {
            let now = shop.web.namespace().run("sh", &["-c", "nft list ruleset; ip rule"])?;
            anyhow::ensure!(now == sound, "{now}");
            Ok(())
        })?;
        echoes(&live, "after")?;
        echoes(&dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?, "anew")?;
    }
    Ok(())
}
