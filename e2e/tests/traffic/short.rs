//! Thousands of connections that carry one byte each.

use anyhow::{Result, ensure};
use karez_e2e::peer::load::Figures;
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{access_log, metrics, peers};
use karez_lab::wait;

const CONNECTIONS: u64 = 3000;
const NODES: [&str; 2] = ["n1", "n2"];

#[test]
fn short_connections_all_succeed_and_none_is_left() -> Result<()> {
    let shop = Shop::open("short", &[(80, 8080)])?;
    let _echo = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let held = sockets::dial(shop.web.namespace(), format!("{VIP}:80"))?;
    sockets::echoes(&held, "held")?;
    // While it is held no count can be 0: what is 0 afterwards is no count from before.
    wait::until("the held connection to be counted", PATIENCE, || {
        for node in NODES {
            let open = metrics::value(&shop.mesh, node, "karez_tcp_connections_open")?;
            ensure!(open == 1, "{node} counts {open}");
        }
        Ok(())
    })?;

    for address in [format!("{VIP}:80"), format!("[{VIP6}]:80")] {
        churn(&shop, &address)?;
    }

    drop(held);
    metrics::wait_no_connection(&shop.mesh, &NODES, PATIENCE)?;
    for node in NODES {
        let opened = metrics::value(&shop.mesh, node, "karez_tcp_connections_opened_total")?;
        ensure!(opened > CONNECTIONS, "{node} counts {opened}");
        let failed = access_log::lines(&shop.mesh, node).into_iter().find(access_log::Line::is_failure);
        ensure!(failed.is_none(), "{node}: {failed:?}");
    }
    Ok(())
}

/// Half of the connections, eight at a time.
fn churn(shop: &Shop, address: &str) -> Result<()> {
    let most = CONNECTIONS / 2;
    let arguments = ["churn", address, "--connections", "8", "--most", &most.to_string(), "--seconds", "60"];
    let printed = peers::run_peer(&shop.web, &arguments)?;
    let figures: Figures = serde_json::from_str(&printed)?;
    ensure!(figures.errors == 0 && figures.units >= most, "{address}: {printed}");
    Ok(())
}
